/** Something to be told in place of what is missing, or beside it. */
import type { ComponentChildren } from "preact";
import { wordsOf } from "../api.ts";

export function Notice({ tone = "plain", children }: { tone?: "plain" | "bad" | "good"; children: ComponentChildren }) {
  return (
    <div class="notice" data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** Why the last read failed: above what is known from before, or in its place. Nothing where it worked. */
export function Trouble({ error }: { error: unknown }) {
  return error === null ? null : <Notice tone="bad">{wordsOf(error)}</Notice>;
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      Loading {what} …
    </p>
  );
}
