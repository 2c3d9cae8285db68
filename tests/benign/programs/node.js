// language: JavaScript (Node.js)
// package: nodejs
// needs: node
// run: node node.js
// limits: memory=512m processes=100 cpu=20s wall=30s
const fs = require("fs");
const { Worker, isMainThread, parentPort } = require("worker_threads");

if (isMainThread) {
  console.log("hello, world");
  new Worker(__filename).on("message", (found) => {
    console.log(found.count, found.sum);
    const numbers = Array.from({ length: 1000 }, (_, index) => index + 1);
    fs.writeFile("numbers.txt", numbers.join("\n"), () => {
      const lines = fs.readFileSync("numbers.txt", "utf8").split("\n");
      setTimeout(() => console.log(lines.map(Number).reduce((one, other) => one + other)), 5);
    });
  });
} else {
  const composite = new Uint8Array(100000);
  let count = 0, sum = 0;
  for (let n = 2; n < composite.length; n++) {
    if (composite[n]) continue;
    count++;
    sum += n;
    for (let m = n * n; m < composite.length; m += n) composite[m] = 1;
  }
  parentPort.postMessage({ count, sum });
}
