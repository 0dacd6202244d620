// One prover: what it owes now and what became of its duties.

import type { JobId, ProverDetail } from "../api";
import { group, units } from "../format";
import { useLive } from "../live";
import { Badge, Fact, Facts, State } from "../parts/common";

const link = (job: JobId): string => `#/jobs/${job.slot}-${job.block_root}-${job.sub_block}-${job.attempt}`;

export function ProverPage({ pubkey }: { pubkey: string }) {
  const live = useLive<ProverDetail>(`v1/provers/${pubkey}`, ["job", "phase", "finalized"]);
  const prover = live.data;
  return (
    <>
      <h2>Prover {prover?.index}</h2>
      <State of={live} />
      {prover && (
        <>
          <p>
            <code class="whole">{prover.pubkey}</code> <Badge state={prover.status} />
          </p>
          <Facts>
            <Fact name="Stake">{group(prover.stake_gwei)} gwei</Fact>
            <Fact name="Weight">{(Number(prover.weight) / 65_536).toFixed(3)}</Fact>
            <Fact name="Balance">{units(prover.balance)}</Fact>
          </Facts>
          <h3>Duties</h3>
          {prover.duties.length === 0 && <p class="quiet">None now.</p>}
          <ul>
            {prover.duties.map((duty) => (
              <li key={link(duty.job)}>
                <a href={link(duty.job)}>Slot {group(duty.job.slot)}</a>: commit to {duty.commit.length}, prove {duty.prove.length} instances
              </li>
            ))}
          </ul>
          <h3>History</h3>
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">Slot</th>
                  <th scope="col">Phase</th>
                  <th scope="col" class="number">Due</th>
                  <th scope="col" class="number">Valid</th>
                </tr>
              </thead>
              <tbody>
                {prover.history.map((one, place) => (
                  <tr key={place} class={one.valid < one.due ? "short" : ""}>
                    <td>
                      <a href={link(one.job)}>{group(one.job.slot)}</a>
                    </td>
                    <td>{one.phase.toUpperCase()}</td>
                    <td class="number">{one.due}</td>
                    <td class="number">{one.valid}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </>
  );
}
