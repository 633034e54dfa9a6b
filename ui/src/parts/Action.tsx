/** A button that does something on the server, after a second press where that cannot be taken back. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, wordsOf } from "../api.ts";

interface Props {
  label: string;
  /** What a screen reader says in place of the label: which task, which queue. */
  name: string;
  method: "POST" | "DELETE";
  path: string;
  /** What to ask before it is done; without it, it is done at once. */
  question?: string;
  tone?: "plain" | "bad" | "main";
  onDone: () => void;
}

type Step = "idle" | "asking" | "doing";

export function Action({ label, name, method, path, question, tone = "plain", onDone }: Props) {
  const [step, setStep] = useState<Step>("idle");
  const [problem, setProblem] = useState<string | null>(null);
  const first = useRef<HTMLButtonElement>(null);
  const sure = useRef<HTMLButtonElement>(null);
  const asked = useRef(false);

  useEffect(() => {
    if (step === "asking") sure.current?.focus();
    else if (asked.current && step === "idle") first.current?.focus();
    asked.current = step === "asking";
  }, [step]);

  async function act(): Promise<void> {
    setStep("doing");
    setProblem(null);
    try {
      await ask<unknown>(path, method);
      onDone();
    } catch (error) {
      setProblem(wordsOf(error));
    }
    setStep("idle");
  }

  if (step === "asking") {
    return (
      <span class="action" role="group" aria-label={question} onKeyDown={(event) => event.key === "Escape" && setStep("idle")}>
        <span class="question">{question}</span>
        <button type="button" class="button" data-tone="bad" ref={sure} onClick={() => void act()}>
          Yes, {label.toLowerCase()}
        </button>
        <button type="button" class="button" onClick={() => setStep("idle")}>
          No
        </button>
      </span>
    );
  }
  return (
    <span class="action">
      <button
        type="button"
        class="button"
        data-tone={tone}
        ref={first}
        aria-label={name}
        disabled={step === "doing"}
        onClick={() => (question === undefined ? void act() : setStep("asking"))}
      >
        {label}
      </button>
      {problem !== null && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
    </span>
  );
}
