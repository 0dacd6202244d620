// Blocks on disk, so that the chain goes on after a restart.
import fs from "node:fs";
import path from "node:path";

export class BlockLog {
  constructor(folder) {
    fs.mkdirSync(folder, { recursive: true });
    this.genesisFile = path.join(folder, "genesis-time");
    this.blockFile = path.join(folder, "blocks");
  }

  /** Genesis time of the earlier run, if there was one. */
  genesisTime() {
    return fs.existsSync(this.genesisFile) ? Number(fs.readFileSync(this.genesisFile, "utf8")) : undefined;
  }

  begin(genesisTime) {
    fs.writeFileSync(this.genesisFile, String(genesisTime));
  }

  /** One line a block: slot, then SSZ. */
  append(chain, block) {
    const { slot } = block.message;
    const encoded = Buffer.from(chain.types(slot).SignedBeaconBlock.serialize(block)).toString("base64");
    fs.appendFileSync(this.blockFile, `${slot} ${encoded}\n`);
  }

  /** Blocks of the earlier run, oldest first. A line that was cut off ends them. */
  *blocks(chain) {
    if (!fs.existsSync(this.blockFile)) return;
    const lines = fs.readFileSync(this.blockFile, "utf8").split("\n");
    lines.pop();
    for (const line of lines) {
      const [slot, encoded] = line.split(" ");
      yield chain.types(Number(slot)).SignedBeaconBlock.deserialize(Buffer.from(encoded, "base64"));
    }
  }
}
