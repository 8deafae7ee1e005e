/** The default model in the engine, for scripts that run it during the build. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import startEngine, { Session } from 'sparse-circuits-engine';
import { defaultModel, readManifest, type ManifestModel, type ManifestTask } from '../src/engine/manifest';
import type { CircuitInfo } from '../src/engine/protocol';

export interface OpenEngine {
  session: Session;
  model: ManifestModel;
  /** Reads a file of the repository. */
  read(path: string): Promise<Buffer>;
  addCircuit(task: ManifestTask): Promise<CircuitInfo>;
}

/** `root` is the repository. */
export async function openEngine(root: string): Promise<OpenEngine> {
  const read = (path: string) => readFile(join(root, path));
  const model = defaultModel(readManifest(JSON.parse((await read('models/manifest.json')).toString())));
  await startEngine({ module_or_path: await read('pkg/engine/sparse_circuits_bg.wasm') });
  const session = new Session(await read(`models/${model.file}`));
  session.setVocabulary(await read(`models/${model.tokenizer}`));
  return { session, model, read, addCircuit: async (task) => session.addCircuit(await read(`models/${task.circuit}`)) as CircuitInfo };
}
