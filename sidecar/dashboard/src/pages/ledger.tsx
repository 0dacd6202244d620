// The ledger: accounts, roots, evidence.

import type { Evidence, Ledger, Prover } from "../api";
import { group, units } from "../format";
import { useLive } from "../live";
import { Fact, Facts, Hash, proverLink, State } from "../parts/common";

export function LedgerPage() {
  const live = useLive<Ledger>("v1/ledger", ["phase", "finalized", "reorg"]);
  const provers = useLive<Prover[]>("v1/provers", []);
  const evidence = useLive<Evidence>("v1/evidence", ["warning", "phase"]);
  const keys = new Map(provers.data?.map((one) => [one.index, one.pubkey]));
  const ledger = live.data;
  return (
    <>
      <h2>Ledger</h2>
      <State of={live} />
      {ledger && (
        <>
          <Facts>
            <Fact name="Root">
              <Hash value={ledger.root} />
            </Fact>
            <Fact name="Finalized root">
              <Hash value={ledger.finalized_root} />
            </Fact>
            <Fact name="Finalized slot">{group(ledger.finalized_slot)}</Fact>
            <Fact name="Evidence">{evidence.data ? evidence.data.equivocations.length + evidence.data.wrong_digests.length + evidence.data.validators.length : "…"}</Fact>
          </Facts>
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">Account</th>
                  <th scope="col" class="number">Rewards</th>
                  <th scope="col" class="number">Penalties</th>
                  <th scope="col" class="number">Finalized</th>
                </tr>
              </thead>
              <tbody>
                {ledger.accounts.map((one) => {
                  const key = one.account.kind === "prover" ? keys.get(one.account.index) : undefined;
                  return (
                    <tr key={one.account.kind + one.account.index}>
                      <td>
                        {one.account.kind} {one.account.index} {key && <Hash value={key} to={proverLink(key)} />}
                      </td>
                      <td class="number gain">{units(one.rewards)}</td>
                      <td class="number loss">{units(one.penalties)}</td>
                      <td class="number">{units(one.finalized)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        </>
      )}
    </>
  );
}
