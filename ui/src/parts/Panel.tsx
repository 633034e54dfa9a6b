/** A part of a view with a heading of its own. */
import type { ComponentChildren } from "preact";

interface Props {
  id: string;
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ id, title, aside, children }: Props) {
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** What may be wider than the window scrolls inside this, also by the keyboard. */
export function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="wide" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
