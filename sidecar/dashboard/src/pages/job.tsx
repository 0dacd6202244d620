// One job: its clock, who did what, submissions, money.

import { useMemo } from "preact/hooks";
import type { Assignment, Certificate, Entry, JobDetail, Prover, Reuse, Submission } from "../api";
import { bytes, group, span, units } from "../format";
import { useLive } from "../live";
import { Agreement } from "../parts/agreement";
import { Clock } from "../parts/clock";
import { Badge, Fact, Facts, Hash, proverLink, State } from "../parts/common";
import { Grid, table } from "../parts/grid";

export function JobPage({ id }: { id: string }) {
  const path = `v1/jobs/${id}`;
  const job = useLive<JobDetail>(path, ["job", "phase", "submission", "certificate", "reorg"]);
  const assignments = useLive<Assignment[]>(`${path}/assignments`, ["job", "phase"]);
  const commitments = useLive<Submission[]>(`${path}/commitments`, ["phase"]);
  const partials = useLive<Submission[]>(`${path}/partial_proofs`, ["submission", "phase"]);
  const fulls = useLive<Submission[]>(`${path}/full_proofs`, ["submission", "phase"]);
  const certificates = useLive<Certificate[]>(`${path}/certificates`, ["phase", "certificate"]);
  const reuse = useLive<Reuse>(`${path}/reuse`, ["submission", "phase"]);
  const rewards = useLive<Entry[]>(`${path}/rewards`, ["phase", "job"]);
  // For links: beyond these a ledger entry shows the index alone.
  const provers = useLive<Prover[]>("v1/provers?limit=1000", []);
  const cells = useMemo(
    () => job.data && table(job.data, assignments.data ?? [], commitments.data ?? [], rewards.data ?? [], reuse.data),
    [job.data, assignments.data, commitments.data, rewards.data, reuse.data],
  );
  const submissions = [...(commitments.data ?? []), ...(partials.data ?? []), ...(fulls.data ?? [])];
  return (
    <>
      <h2>
        Slot {group(id.split("-")[0] ?? "")} {job.data && <Badge state={job.data.state} />}
      </h2>
      <State of={job} />
      {job.data && (
        <>
          {job.data.note && <p>{job.data.note}</p>}
          <Clock phases={job.data.phases} />
          <Facts>
            <Fact name="Block">
              <Hash value={job.data.job.block_root} />
            </Fact>
            <Fact name="Attempt">{Number(job.data.job.attempt) + 1}</Fact>
            <Fact name="Transactions">{job.data.transactions}</Fact>
            <Fact name="Gas used">{group(job.data.gas_used)}</Fact>
            <Fact name="Instances">
              {job.data.num_instances} of 2<sup>{job.data.k}</sup> rows
            </Fact>
            <Fact name="Plan">{job.data.plan_root ? <Hash value={job.data.plan_root} /> : "being made"}</Fact>
            <Fact name="Full proof">{job.data.full_proof ? <Hash value={job.data.full_proof} /> : "none yet"}</Fact>
          </Facts>
          <h3>Instances and provers</h3>
          {cells && cells.instances.length > 0 ? <Grid table={cells} /> : <p class="quiet">No plan yet.</p>}
          <h3>Agreement</h3>
          <State of={certificates} />
          {certificates.data && <Agreement certificates={certificates.data} />}
          <h3>Submissions</h3>
          <Submissions list={submissions} job={job.data} />
          <h3>Ledger</h3>
          <Entries list={rewards.data ?? []} provers={provers.data ?? []} />
        </>
      )}
    </>
  );
}

function Submissions({ list, job }: { list: Submission[]; job: JobDetail }) {
  if (list.length === 0) return <p class="quiet">None yet. Commitments are shown once T1 is closed: until then nobody may copy them.</p>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Phase</th>
            <th scope="col">Prover</th>
            <th scope="col" class="number">After start</th>
            <th scope="col" class="number">Size</th>
            <th scope="col" class="number">Valid</th>
            <th scope="col">Body</th>
          </tr>
        </thead>
        <tbody>
          {list.map((one) => {
            const phase = job.phases.find((candidate) => candidate.phase === one.phase);
            return (
              <tr key={one.body_root + one.prover}>
                <td>{one.phase.toUpperCase()}</td>
                <td>
                  <Hash value={one.prover} to={proverLink(one.prover)} />
                </td>
                <td class="number">{phase ? span(Number(one.received_ms) - Number(phase.starts_ms)) : "–"}</td>
                <td class="number">{bytes(one.bytes)}</td>
                <td class="number">{one.valid.length}</td>
                <td>
                  <Hash value={one.body_root} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

export function Entries({ list, provers }: { list: Entry[]; provers: Prover[] }) {
  if (list.length === 0) return <p class="quiet">No entries yet: they come as phases close.</p>;
  const keys = new Map(provers.map((one) => [one.index, one.pubkey]));
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Phase</th>
            <th scope="col">Account</th>
            <th scope="col">For</th>
            <th scope="col">Parameter</th>
            <th scope="col" class="number">Amount</th>
          </tr>
        </thead>
        <tbody>
          {list.map((one, place) => {
            const key = one.account.kind === "prover" ? keys.get(one.account.index) : undefined;
            return (
              <tr key={place}>
                <td>{one.phase.toUpperCase()}</td>
                <td>{key ? <Hash value={key} to={proverLink(key)} /> : `${one.account.kind} ${one.account.index}`}</td>
                <td>{one.reason.replaceAll("_", " ")}</td>
                <td>
                  <code>{one.parameter}</code>
                </td>
                <td class={`number ${one.amount.startsWith("-") ? "loss" : "gain"}`}>{units(one.amount)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
