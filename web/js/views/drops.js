/** Takes files that are dropped anywhere on a view; without this the browser would open them in its place. */

/**
 * @param {HTMLElement} page is marked `data-dropping` while files are held over it
 * @param {(files: File[]) => void} take
 * @param {AbortSignal} signal the end of the view
 */
export function acceptDrops(page, take, signal) {
  const holdsFiles = (/** @type {DragEvent} */ { dataTransfer }) => dataTransfer?.types.includes('Files') ?? false;
  window.addEventListener('dragover', (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    page.toggleAttribute('data-dropping', true);
  }, { signal });
  window.addEventListener('dragleave', (event) => {
    // Only the one that leaves the window.
    if (event.relatedTarget === null) page.toggleAttribute('data-dropping', false);
  }, { signal });
  window.addEventListener('drop', (event) => {
    page.toggleAttribute('data-dropping', false);
    if (!holdsFiles(event)) return;
    event.preventDefault();
    take([...(event.dataTransfer?.files ?? [])]);
  }, { signal });
}
