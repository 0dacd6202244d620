// Data that follows the event stream.

import { useEffect, useState } from "preact/hooks";
import { get, onEvent, type Topic } from "./api";

export interface Live<T> {
  data?: T;
  error?: string;
}

/** Least time between two requests for the same data: a burst of events is one request. */
const PAUSE_MS = 400;

/** Fetches `path` now and after every event of `topics`. */
export function useLive<T>(path: string, topics: readonly Topic[]): Live<T> {
  const [live, setLive] = useState<Live<T>>({});
  const key = topics.join(",");
  useEffect(() => {
    const abort = new AbortController();
    let due: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    let again = false;
    const load = async () => {
      due = undefined;
      busy = true;
      try {
        const data = await get<T>(path, abort.signal);
        setLive({ data });
      } catch (error) {
        // What was seen last stays on the page.
        if (!abort.signal.aborted) setLive((before) => ({ ...before, error: String(error instanceof Error ? error.message : error) }));
      }
      busy = false;
      if (again && !abort.signal.aborted) {
        again = false;
        due = setTimeout(load, PAUSE_MS);
      }
    };
    setLive({});
    void load();
    const off = onEvent((topic) => {
      if (!key.split(",").includes(topic)) return;
      if (busy) again = true;
      else due ??= setTimeout(load, PAUSE_MS);
    });
    return () => {
      abort.abort();
      clearTimeout(due);
      off();
    };
  }, [path, key]);
  return live;
}

/** The time, every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
