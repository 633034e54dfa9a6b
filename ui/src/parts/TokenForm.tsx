/** Asks for the token that the server wants. */
import { useEffect, useRef, useState } from "preact/hooks";
import { access, giveToken } from "../api.ts";
import { useStore } from "../store.ts";

export function TokenForm() {
  const { wasWrong } = useStore(access);
  const [token, setToken] = useState("");
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    field.current?.focus();
    return () => document.querySelector<HTMLElement>("main h1")?.focus(); // that of the view in its place
  }, []);

  function submit(event: Event): void {
    event.preventDefault();
    if (token.trim() !== "") giveToken(token.trim());
  }

  return (
    <form class="token" onSubmit={submit} aria-labelledby="token-title">
      <h1 id="token-title">This server wants a token</h1>
      <p id="token-help">
        It stands in the file that the server was started with (<code>--token-file</code>). It is kept until this tab is closed.
      </p>
      {wasWrong && (
        <p class="problem" role="alert">
          The server does not know that token.
        </p>
      )}
      <label for="token">Token</label>
      <div class="row">
        <input
          id="token"
          ref={field}
          type="password"
          autoComplete="off"
          spellcheck={false}
          aria-describedby="token-help"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button type="submit" class="button" data-tone="main">
          Use it
        </button>
      </div>
    </form>
  );
}
