/** How long ago something was; the exact time stands in its title. */
import { age, moment, since } from "../format.ts";
import { useNow } from "../now.ts";

export function Ago({ at }: { at: string | null }) {
  const now = useNow();
  if (at === null) return <span class="none">–</span>;
  const said = age(since(at, now));
  return (
    <time dateTime={at} title={moment(at)}>
      {said === "now" ? said : `${said} ago`}
    </time>
  );
}
