// The phase clock: how far the phases of a job are between their starts and their deadlines.

import type { JobDetail } from "../api";
import { span, time } from "../format";
import { useNow } from "../live";

type Phase = JobDetail["phases"][number];

export function Clock({ phases }: { phases: Phase[] }) {
  const now = useNow();
  return (
    <ol class="clock" aria-label="Phases">
      {["t1", "t2", "t3", "t4", "t5"].map((name) => {
        const phase = phases.find((one) => one.phase.toLowerCase() === name);
        return <Step name={name} phase={phase} now={now} key={name} />;
      })}
    </ol>
  );
}

/** The state of a certificate in words. */
function Certified({ state }: { state: Phase["certificate"] }) {
  return <span class={state === "agreeing" ? "late" : ""}>{state === "agreeing" ? "validators are agreeing" : state === "waiting" ? "certificate due at the deadline" : state}</span>;
}

function Step({ name, phase, now }: { name: string; phase: Phase | undefined; now: number }) {
  if (!phase)
    return (
      <li class="idle">
        <strong>{name.toUpperCase()}</strong>
        <span class="quiet">not reached</span>
      </li>
    );
  const starts = Number(phase.starts_ms);
  const deadline = Number(phase.deadline_ms);
  const end = phase.closed_ms == null ? now : Number(phase.closed_ms);
  const part = Math.min(1, Math.max(0, (end - starts) / Math.max(1, deadline - starts)));
  const says =
    phase.closed_ms != null ? `closed after ${span(end - starts)}` : now < deadline ? `${span(deadline - now)} left` : `closing`;
  return (
    <li class={phase.closed_ms == null ? "open" : "closed"}>
      <strong>{name.toUpperCase()}</strong>
      <meter min={0} max={1} value={part} aria-label={`${name.toUpperCase()}: ${says}`} />
      <span>{says}</span>
      <span class="quiet">
        {phase.submissions} submissions · due {time(deadline)}
      </span>
      <span class="quiet">
        {phase.leader != null && `leader ${phase.leader}${phase.rank ? ` (rank ${phase.rank})` : ""}`}
        {phase.leader != null && phase.certificate !== "alone" && " · "}
        {phase.certificate !== "alone" && <Certified state={phase.certificate} />}
      </span>
    </li>
  );
}
