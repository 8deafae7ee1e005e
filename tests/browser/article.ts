/** The demo article on a host of its own, and the circuits on another host. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dist, host } from './host';

/** What the circuit's host sends. A frame without an origin may load the files, and starts its worker from a blob. */
const HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Content-Security-Policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; worker-src 'self' blob:; img-src 'self' data:; base-uri 'none'; form-action 'none'",
};

/** Rules of the article that would break a circuit if they reached into it. */
const ARTICLE_STYLE = 'iframe:not(#frame, #closed), img, button, textarea { display: none !important; } footer { font-size: 99px; padding: 99px; }';

export interface Article {
  /** The origin of the article, with `/demo.html`, and `/closed.html`, which has a frame without an origin. */
  at: string;
  /** The origin of the circuits. They are below `/some where/`. */
  from: string;
  close(): void;
}

export async function publishArticle(): Promise<Article> {
  const circuits = await host('/some where/', { headers: HEADERS });
  const from = `http://127.0.0.1:${circuits.port}`;
  const demo = readFileSync(join(dist, 'demo/index.html'), 'utf8')
    .replaceAll('"../', `"${from}/some%20where/`)
    .replaceAll('"./', `"${from}/some%20where/demo/`)
    .replaceAll("'self'", `'self' ${from}`)
    .replace('</head>', '<link rel="stylesheet" href="/article.css"></head>');
  const closed = `<!doctype html><title>x</title><link rel="icon" href="data:,"><iframe id="closed" sandbox="allow-scripts" src="${from}/some%20where/embed.html" width="720" height="600"></iframe>`;
  const article = await host('/none/', {
    headers: { 'Content-Security-Policy': `default-src 'none'; script-src ${from}; style-src 'self' ${from}; img-src ${from} data:; frame-src ${from}` },
    pages: { '/demo.html': demo, '/closed.html': closed, '/article.css': ARTICLE_STYLE },
  });
  return {
    at: `http://localhost:${article.port}`,
    from,
    close: () => {
      circuits.close();
      article.close();
    },
  };
}
