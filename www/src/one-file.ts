/** What the page does on its own where it is one file: there is no server that sends its documents. */
import { fetchFile } from './engine/files';

/** A link to a document of the page opens the copy that is inside. */
export function openOwnDocuments(): void {
  addEventListener('click', (event) => {
    const href = event.target instanceof Element && event.target.closest('a')?.getAttribute('href');
    if (!href || !href.startsWith('./')) return;
    event.preventDefault();
    void openDocument(href.slice(2));
  });
}

async function openDocument(name: string): Promise<void> {
  const response = await fetchFile(`${import.meta.env.BASE_URL}${name}`);
  if (response.ok) open(URL.createObjectURL(await response.blob()), '_blank', 'noopener');
}
