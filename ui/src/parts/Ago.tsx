/** How long ago something was, or how far off it is; the exact time stands in its title. */
import { age, inTime, moment, since } from "../format.ts";
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

export function Due({ at }: { at: string }) {
  return (
    <time dateTime={at} title={moment(at)}>
      {inTime(at, useNow())}
    </time>
  );
}
