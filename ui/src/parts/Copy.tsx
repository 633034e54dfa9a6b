/** A text with a button that copies it. */
import { useState } from "preact/hooks";

export function Copy({ text, name }: { text: string; name: string }) {
  const [isCopied, setCopied] = useState(false);

  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  }

  if (!navigator.clipboard) return null; // only a page from https or from this machine has one
  return (
    <button type="button" class="button quiet" aria-label={`Copy ${name}`} onClick={() => void copy()}>
      <span aria-live="polite">{isCopied ? "Copied" : "Copy"}</span>
    </button>
  );
}
