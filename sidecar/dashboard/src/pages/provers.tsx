// All provers.

import type { Prover } from "../api";
import { group, units } from "../format";
import { useLive } from "../live";
import { Badge, Hash, proverLink, State } from "../parts/common";

/** A newcomer's weight. */
const ONE = 65_536;

export function ProversPage() {
  const live = useLive<Prover[]>("v1/provers", ["job", "phase", "finalized"]);
  return (
    <>
      <h2>Provers</h2>
      <State of={live} />
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">Index</th>
              <th scope="col">Key</th>
              <th scope="col">Status</th>
              <th scope="col" class="number">Stake, gwei</th>
              <th scope="col" class="number">Weight</th>
              <th scope="col" class="number">Balance</th>
            </tr>
          </thead>
          <tbody>
            {live.data?.map((one) => (
              <tr key={one.pubkey}>
                <td class="number">{one.index}</td>
                <td>
                  <Hash value={one.pubkey} to={proverLink(one.pubkey)} />
                </td>
                <td>
                  <Badge state={one.status} />
                </td>
                <td class="number">{group(one.stake_gwei)}</td>
                <td class="number">{(Number(one.weight) / ONE).toFixed(3)}</td>
                <td class={`number ${one.balance.startsWith("-") ? "loss" : "gain"}`}>{units(one.balance)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
