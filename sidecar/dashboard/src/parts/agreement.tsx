// Who closed each phase of a job, and which validators certified that.

import type { Certificate } from "../api";
import { Badge, Hash } from "./common";

/** Most names of a list that are written out. */
const SHOWN = 12;

const list = (names: string[]): string =>
  names.length > SHOWN ? `${names.slice(0, SHOWN).join(", ")} and ${names.length - SHOWN} more` : names.join(", ");

export function Agreement({ certificates }: { certificates: Certificate[] }) {
  if (certificates.every((one) => one.state === "alone"))
    return <p class="quiet">This sidecar runs alone: validator {certificates[0]?.leader ?? ""} closes every phase, and nobody has to certify that.</p>;
  return (
    <div class="scroll">
      <table class="agreement">
        <thead>
          <tr>
            <th scope="col">Phase</th>
            <th scope="col">Certificate</th>
            <th scope="col">Leader</th>
            <th scope="col" class="number">Round</th>
            <th scope="col" class="number">Deadline moved</th>
            <th scope="col" class="number">Weight</th>
            <th scope="col">Signed by</th>
            <th scope="col">Bundle</th>
          </tr>
        </thead>
        <tbody>
          {certificates.map((one) => (
            <tr key={one.phase}>
              <td>{one.phase.toUpperCase()}</td>
              <td>
                <Badge state={one.state} />
              </td>
              <td>
                {one.leader != null ? `${one.leader}, rank ${one.rank}` : one.ranks.length ? <span class="quiet">next: {list(one.ranks.slice(0, 4))}</span> : "–"}
              </td>
              <td class="number">{one.round ?? "–"}</td>
              <td class={`number ${one.extensions !== "0" ? "loss" : ""}`}>{one.extensions === "0" ? "no" : `${one.extensions} ×`}</td>
              <td class="number">{one.total_weight === "0" ? "–" : `${((Number(one.weight) / Number(one.total_weight)) * 100).toFixed(1)} %`}</td>
              <td title={one.signers.join(", ")}>{one.signers.length ? list(one.signers) : "–"}</td>
              <td>{one.bundle_root ? <Hash value={one.bundle_root} /> : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
