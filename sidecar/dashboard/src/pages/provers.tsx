// All provers.

import { useState } from "preact/hooks";
import type { Prover } from "../api";
import { group, units } from "../format";
import { useLive } from "../live";
import { Badge, Hash, proverLink, State } from "../parts/common";

/** A newcomer's weight. */
const ONE = 65_536;
/** Provers on a page. */
const PAGE = 200;

export function ProversPage() {
  // Index of the last prover of the page before, of this page and of those before it.
  const [starts, setStarts] = useState<string[]>([]);
  const after = starts.at(-1);
  const live = useLive<Prover[]>(`v1/provers?limit=${PAGE}${after === undefined ? "" : `&after=${after}`}`, ["job", "phase", "finalized"]);
  const last = live.data?.length === PAGE ? live.data.at(-1)?.index : undefined;
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
      {(after !== undefined || last !== undefined) && (
        <p>
          <button type="button" disabled={after === undefined} onClick={() => setStarts(starts.slice(0, -1))}>Previous</button>{" "}
          <button type="button" disabled={last === undefined} onClick={() => last !== undefined && setStarts([...starts, last])}>Next</button>
        </p>
      )}
    </>
  );
}
