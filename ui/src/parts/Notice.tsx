/** Something to be told in place of what is missing, or beside it. */
import type { ComponentChildren } from "preact";

export function Notice({ tone = "plain", children }: { tone?: "plain" | "bad" | "good"; children: ComponentChildren }) {
  return (
    <div class="notice" data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      Loading {what} …
    </p>
  );
}
