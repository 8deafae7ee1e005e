/** The worker of the dense twin. Its wasm memory holds both models and the bridge. It starts when the user opens the twin. */
import { expose } from 'comlink';
import startTwin, { Twin as WasmTwin } from 'sparse-circuits-twin';
import wasmUrl from '../../../pkg/twin/sparse_circuits_twin_bg.wasm?url';
import { twin as text } from '../text/en';
import { download, Tally } from './download';
import { explained, failAfterTrap } from './trap';
import type { TwinEngine } from './api';
import type { HybridView, NodeId, TwinRequest, TwinView } from './protocol';

/** The methods of `src/web/twin.rs` with the types of the protocol. wasm-bindgen types them as `any`. */
interface Twin {
  channels(): Record<string, NodeId>;
  steer(ask: TwinRequest): TwinView;
  hybrid(tokens: Uint32Array, first: number, second: number): HybridView;
}
const Twin: new (sparse: Uint8Array, dense: Uint8Array, bridge: Uint8Array) => Twin = WasmTwin;

/** Size of the wasm file in bytes. The build defines it. */
declare const __TWIN_BYTES__: number;

let live: Twin | null = null;

const twin: TwinEngine = {
  async open(base, listed, onProgress): Promise<Record<string, NodeId>> {
    const files = listed.twin;
    if (!files) throw new Error(text.noFiles(listed.file));
    const tally = new Tally(onProgress);
    // The browser's cache usually has the sparse model. Its bytes count as well.
    const wanted: [string, number][] = [
      [new URL(wasmUrl, self.location.href).href, __TWIN_BYTES__],
      [new URL(listed.file, base).href, listed.bytes],
      [new URL(files.dense, base).href, files.denseBytes],
      [new URL(files.bridge, base).href, files.bridgeBytes],
    ];
    for (const [, bytes] of wanted) tally.expect(bytes);
    const [wasm, sparse, dense, bridge] = await Promise.all(wanted.map(([url, bytes]) => download(url, bytes, tally)));
    await startTwin({ module_or_path: wasm! }).catch((error: unknown) => {
      throw new Error(text.noWasm(String(error)));
    });
    const opened = explained(() => new Twin(sparse!, dense!, bridge!), (cause) => text.unusable(files.dense, files.bridge, cause));
    live = failAfterTrap(opened);
    return live.channels();
  },

  async steer(ask): Promise<TwinView> {
    return alive().steer(ask);
  },

  async hybrid(tokens, [first, second]): Promise<HybridView> {
    return alive().hybrid(Uint32Array.from(tokens), first, second);
  },
};

function alive(): Twin {
  if (!live) throw new Error(text.notLoaded);
  return live;
}

expose(twin);
