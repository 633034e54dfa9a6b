/** A button that does something on the server, after a second press where that cannot be taken back. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask, Refused, wordsOf } from "../api.ts";

interface Props {
  label: string;
  /** What a screen reader says in place of the label: which task, which queue. */
  name: string;
  method: "POST" | "DELETE";
  path: string;
  /** How that is which it is done to: once it is another, what was asked or told of it is no longer true. */
  state: string;
  /** What to ask before it is done; without it, it is done at once. */
  question?: string;
  tone?: "plain" | "bad" | "main";
  onDone: () => void;
  /** Shows why it was not done; without it, that stands beside the button. */
  onProblem?: (words: string | null) => void;
}

type Step = "idle" | "asking" | "doing" | "resting";

const PATIENCE_MS = 15_000;
const REST_MS = 1_000; // the second press of a double click is not meant for the button that has come under it

export function Action({ label, name, method, path, state, question, tone = "plain", onDone, onProblem }: Props) {
  const [step, setStep] = useState<Step>("idle");
  const [problem, setProblem] = useState<string | null>(null);
  const all = useRef<HTMLSpanElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  const sure = useRef<HTMLButtonElement>(null);
  const tell = onProblem ?? setProblem;
  const hasFocus = () => all.current?.contains(document.activeElement) ?? false;
  const hadFocus = hasFocus(); // asked before the button that has it may be taken away

  useLayoutEffect(() => {
    if (step === "asking") sure.current?.focus();
  }, [step]);
  useLayoutEffect(() => {
    if (hadFocus && !hasFocus()) first.current?.focus();
  });
  useLayoutEffect(() => {
    tell(null);
    setStep((now) => (now === "asking" ? "idle" : now));
  }, [state]);
  useEffect(() => {
    if (step !== "resting") return;
    const timer = setTimeout(() => setStep("idle"), REST_MS);
    return () => clearTimeout(timer);
  }, [step]);
  useLayoutEffect(
    () => () => {
      if (hasFocus()) all.current?.closest<HTMLElement>("[tabindex]")?.focus();
    },
    [],
  );

  function press(): void {
    if (step !== "idle") return;
    tell(null);
    if (question === undefined) void act();
    else setStep("asking");
  }

  async function act(): Promise<void> {
    setStep("doing");
    const limit = AbortSignal.timeout(PATIENCE_MS);
    try {
      await ask<unknown>(path, method, limit);
      setStep("resting");
      onDone();
    } catch (error) {
      setStep("idle");
      if (error instanceof Refused) tell(wordsOf(error));
      else tell(`${limit.aborted ? `No answer within ${PATIENCE_MS / 1_000} s.` : wordsOf(error)} It is not known whether it was done.`);
    }
  }

  if (step === "asking") {
    return (
      <span class="action" ref={all} role="group" aria-label={question} onKeyDown={(event) => event.key === "Escape" && setStep("idle")}>
        <span class="question">{question}</span>
        <button key="sure" type="button" class="button" data-tone="bad" ref={sure} onClick={(event) => event.detail < 2 && void act()}>
          Yes, {label.toLowerCase()}
        </button>
        <button key="no" type="button" class="button" onClick={() => setStep("idle")}>
          No
        </button>
      </span>
    );
  }
  return (
    <span class="action" ref={all}>
      <button type="button" class="button" data-tone={tone} ref={first} aria-label={name} aria-disabled={step !== "idle"} onClick={press}>
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
