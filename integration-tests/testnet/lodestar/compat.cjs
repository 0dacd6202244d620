// Promise.withResolvers, which Node 20 lacks and dependencies of Lodestar 1.5.1 use.
"use strict";

if (Promise.withResolvers === undefined) {
  Promise.withResolvers = function withResolvers() {
    let resolve;
    let reject;
    const promise = new this((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    return { promise, resolve, reject };
  };
}
