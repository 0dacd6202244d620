// The sidecars of other validators, and the validators behind them.

import type { Identity, Peers, Validators } from "../api";
import { ago, gwei, units } from "../format";
import { useLive, useNow } from "../live";
import { Badge, Fact, Facts, Hash, State } from "../parts/common";

export function NetworkPage() {
  const peers = useLive<Peers>("v1/node/peers", ["peers", "phase"]);
  const validators = useLive<Validators>("v1/validators", ["certificate", "phase"]);
  const identity = useLive<Identity>("v1/node/identity", []).data;
  const now = useNow();
  return (
    <>
      <h2>Validators</h2>
      <State of={validators} />
      {validators.data && <ValidatorTable of={validators.data} now={now} />}
      <h2>Peers</h2>
      <State of={peers} />
      {peers.data && <PeerTable of={peers.data} now={now} network={identity?.network} />}
    </>
  );
}

function ValidatorTable({ of, now }: { of: Validators; now: number }) {
  const total = BigInt(of.total_weight);
  return (
    <>
      {of.alone ? (
        <p>
          This sidecar runs alone: validator {of.own} leads every phase, and its bundles need no certificate. <code>[p2p]</code> of its configuration lets it join others.
        </p>
      ) : (
        <Facts>
          <Fact name="Our validator">
            {of.own}, {of.votes ? "votes" : "only follows"}
          </Fact>
          <Fact name="Weight">{gwei(of.total_weight)}</Fact>
          <Fact name="Certificates since the start">{of.certificates}</Fact>
        </Facts>
      )}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">Index</th>
              <th scope="col">Key</th>
              <th scope="col" class="number">Weight</th>
              <th scope="col">Heard</th>
              <th scope="col" class="number">Signed</th>
              <th scope="col" class="number">Balance</th>
            </tr>
          </thead>
          <tbody>
            {of.validators.map((one) => (
              <tr key={one.index}>
                <td class="number">{one.index}</td>
                <td>
                  {one.pubkey && <Hash value={one.pubkey} />} {one.index === of.own && <span class="quiet">ours</span>}
                </td>
                <td class="number">{total > 0n ? `${((Number(one.weight) / Number(total)) * 100).toFixed(1)} %` : "–"}</td>
                <td>{one.heard_ms != null ? ago(now - one.heard_ms) : of.alone || one.index === of.own ? "–" : <span class="loss">not yet</span>}</td>
                <td class="number">{of.alone ? "–" : `${one.certificates_signed} of ${of.certificates}`}</td>
                <td class={`number ${one.balance.startsWith("-") ? "loss" : "gain"}`}>{units(one.balance)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function PeerTable({ of, now, network }: { of: Peers; now: number; network: string | undefined }) {
  if (of.alone) return <p class="quiet">None: a sidecar alone has no network.</p>;
  return (
    <>
      <Facts>
        <Fact name="Our name">{of.peer_id && <Hash value={of.peer_id} />}</Fact>
        <Fact name="Listens on">{of.addresses.length ? of.addresses.map((one) => one.replace(/\/p2p\/.*$/, "")).join(", ") : "nothing: it only dials"}</Fact>
        <Fact name="State">{of.isolated ? <Badge state="cut off" /> : of.peers.length ? "connected" : <Badge state="no peers" />}</Fact>
        <Fact name="Banned since the start">{of.bans}</Fact>
      </Facts>
      {of.peers.length === 0 && (
        <p class="error">
          No sidecar of {network ?? "this network"} is connected. Is <code>p2p.peers</code> right, and is the port of <code>p2p.listen</code> open to others?
        </p>
      )}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Peer</th>
              <th scope="col">Validator</th>
              <th scope="col">Address</th>
              <th scope="col">Program</th>
              <th scope="col">Connected</th>
              <th scope="col">By</th>
              <th scope="col" class="number">Score</th>
              <th scope="col" class="number">Fault points</th>
            </tr>
          </thead>
          <tbody>
            {of.peers.map((one) => (
              <tr key={one.peer_id}>
                <td>
                  <Hash value={one.peer_id} />
                </td>
                <td>{one.validator ?? "–"}</td>
                <td>
                  <code>{one.address}</code>
                </td>
                <td>{one.agent ?? "–"}</td>
                <td>{ago(now - Number(one.connected_ms)).replace(" ago", "")}</td>
                <td>{one.direction === "outbound" ? "us" : "them"}</td>
                <td class={`number ${one.score < -10 ? "loss" : ""}`}>{String(one.score).replace("-", "−")}</td>
                <td class={`number ${one.points > 0 ? "loss" : ""}`}>{one.points}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
