/** Takes a file that is dropped anywhere on the page. Without this the browser would leave the page and show the file. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';

export class FileDrop implements ReactiveController {
  constructor(host: ReactiveControllerHost, private readonly take: (file: File) => void) {
    host.addController(this);
  }

  hostConnected(): void {
    addEventListener('dragover', this.over);
    addEventListener('drop', this.dropped);
  }

  hostDisconnected(): void {
    removeEventListener('dragover', this.over);
    removeEventListener('drop', this.dropped);
  }

  /** Texts that are dropped into a field stay the browser's. */
  private over = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
  };

  private dropped = (event: DragEvent): void => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    this.take(file);
  };
}
