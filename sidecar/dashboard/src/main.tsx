import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { onConnection, type Health, type Identity, type Peers, type Syncing } from "./api";
import { useLive } from "./live";
import { JobPage } from "./pages/job";
import { JobsPage } from "./pages/jobs";
import { LedgerPage } from "./pages/ledger";
import { NetworkPage } from "./pages/network";
import { ProverPage } from "./pages/prover";
import { ProversPage } from "./pages/provers";
import "./style.css";

const PAGES = [
  ["#/", "Jobs"],
  ["#/provers", "Provers"],
  ["#/network", "Network"],
  ["#/ledger", "Ledger"],
] as const;

function route(hash: string) {
  const [, page = "", argument] = hash.replace(/^#/, "").split("/");
  if (page === "jobs" && argument) return <JobPage id={decodeURIComponent(argument)} key={argument} />;
  if (page === "provers" && argument) return <ProverPage pubkey={argument} key={argument} />;
  if (page === "provers") return <ProversPage />;
  if (page === "network") return <NetworkPage />;
  if (page === "ledger") return <LedgerPage />;
  return <JobsPage />;
}

function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => {
      // The skip link is no page.
      if (location.hash === "#content") return;
      setHash(location.hash);
      document.getElementById("content")?.focus();
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return hash;
}

function Node() {
  const identity = useLive<Identity>("v1/node/identity", []).data;
  const health = useLive<Health>("v1/node/health", ["job", "warning", "finalized"]).data;
  const syncing = useLive<Syncing>("v1/node/syncing", ["job", "phase", "finalized"]).data;
  const peers = useLive<Peers>("v1/node/peers", ["peers", "phase"]).data;
  const [connected, setConnected] = useState(false);
  useEffect(() => onConnection(setConnected), []);
  const troubles = [
    !connected && "no event stream",
    health && !health.beacon_node && "no beacon node",
    health && health.beacon_node && !health.synced && "beacon node is syncing",
    health && !health.store && "the store fails",
    peers && !peers.alone && peers.peers.length === 0 && "no peers",
    peers?.isolated && peers.peers.length > 0 && "looks cut off from the other sidecars",
  ].filter(Boolean);
  return (
    <p class="node" role="status">
      <span class={`dot ${troubles.length ? "bad" : "good"}`} aria-hidden="true" />
      {troubles.length ? troubles.join(", ") : "healthy"}
      <span class="quiet">
        {identity?.network} · head {syncing?.head_slot ?? "…"} · finalized {syncing?.finalized_slot ?? "…"}
        {peers && !peers.alone && ` · ${peers.peers.length} ${peers.peers.length === 1 ? "peer" : "peers"}`}
      </span>
    </p>
  );
}

function App() {
  const hash = useHash();
  const here = PAGES.find(([to]) => to !== "#/" && hash.startsWith(to))?.[0] ?? "#/";
  return (
    <>
      <header>
        <h1>Quintet</h1>
        <nav aria-label="Pages">
          {PAGES.map(([to, name]) => (
            <a href={to} aria-current={to === here ? "page" : undefined} key={to}>
              {name}
            </a>
          ))}
        </nav>
        <Node />
      </header>
      <main id="content" tabIndex={-1}>
        {route(hash)}
      </main>
      <footer>
        <a href="openapi.json">API</a> <span class="quiet">Amounts are in the units of the reward table; provisional until the block is finalized.</span>
      </footer>
    </>
  );
}

render(<App />, document.getElementById("app")!);
