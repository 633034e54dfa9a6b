/** What went wrong: the line that matters, then the whole. All of it is text, whatever stands in it. */
import type { ErrorView } from "../types.ts";
import { Copy } from "./Copy.tsx";

export function Traceback({ error }: { error: ErrorView }) {
  return (
    <div class="traceback">
      <p class="error-line">
        <b>{error.type}</b> {error.message}
      </p>
      {error.traceback && (
        <>
          <pre class="code" tabIndex={0} role="group" aria-label="Traceback">
            {error.traceback}
          </pre>
          <Copy text={error.traceback} name="the traceback" />
        </>
      )}
    </div>
  );
}
