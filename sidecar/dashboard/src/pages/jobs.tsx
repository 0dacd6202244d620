// Recent slots as columns, phases as rows.

import type { JobSummary } from "../api";
import { group } from "../format";
import { useLive } from "../live";
import { Badge, PHASES, State } from "../parts/common";

const COLUMNS = 12;
const ORDER = ["announced", ...PHASES, "finalized", "failed", "unserved", "suspended"];

export function JobsPage() {
  const live = useLive<JobSummary[]>("v1/jobs?limit=50", ["job", "phase", "reorg", "finalized"]);
  const jobs = live.data ?? [];
  return (
    <>
      <h2>Live slots</h2>
      <State of={live} />
      <Board jobs={jobs.slice(0, COLUMNS).reverse()} />
      <h2>Jobs</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Slot</th>
              <th scope="col">State</th>
              <th scope="col">Attempt</th>
              <th scope="col" class="number">Transactions</th>
              <th scope="col" class="number">Gas used</th>
              <th scope="col" class="number">Instances</th>
              <th scope="col" class="number">Provers</th>
            </tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <tr key={job.id}>
                <td>
                  <a href={`#/jobs/${job.id}`}>{group(job.job.slot)}</a>
                </td>
                <td>
                  <Badge state={job.state} />
                </td>
                <td>{Number(job.job.attempt) + 1}</td>
                <td class="number">{job.transactions}</td>
                <td class="number">{group(job.gas_used)}</td>
                <td class="number">{job.num_instances}</td>
                <td class="number">{job.num_provers}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {live.data?.length === 0 && <p class="quiet">No job yet. One opens with the next block that carries transactions.</p>}
    </>
  );
}

/** Always as many columns and rows, so that nothing moves when a job comes. */
function Board({ jobs }: { jobs: JobSummary[] }) {
  const columns = [...Array<undefined>(Math.max(0, COLUMNS - jobs.length)).fill(undefined), ...jobs];
  return (
    <div class="scroll">
      <table class="board">
        <thead>
          <tr>
            <th scope="col">Slot</th>
            {columns.map((job, place) => (
              <th scope="col" key={place}>
                {job ? <a href={`#/jobs/${job.id}`}>{job.job.slot}</a> : <span class="quiet">–</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {PHASES.map((phase) => (
            <tr key={phase}>
              <th scope="row">{phase.toUpperCase()}</th>
              {columns.map((job, place) => {
                const state = job ? cell(job, phase) : "empty";
                return (
                  <td class={state} key={place}>
                    <span class="hidden">{state}</span>
                  </td>
                );
              })}
            </tr>
          ))}
          <tr>
            <th scope="row">End</th>
            {columns.map((job, place) => (
              <td key={place}>{job && !PHASES.includes(job.state as never) && job.state !== "announced" && <Badge state={job.state} />}</td>
            ))}
          </tr>
        </tbody>
      </table>
    </div>
  );
}

function cell(job: JobSummary, phase: string): string {
  const [now, mine] = [ORDER.indexOf(job.state), ORDER.indexOf(phase)];
  if (job.state === phase) return "running";
  if (PHASES.includes(job.state as never)) return now > mine ? "done" : "ahead";
  if (job.state === "finalized") return mine <= ORDER.indexOf("t3") ? "done" : "skipped";
  return job.state === "announced" ? "ahead" : job.state === "failed" ? "fell" : "skipped";
}
