/** A status: a sign, a colour and the word. */
import type { Status } from "../types.ts";
import { Icon } from "./icons.tsx";

export function Badge({ status }: { status: Status }) {
  return (
    <span class="badge" data-status={status}>
      <Icon name={status} />
      {status}
    </span>
  );
}
