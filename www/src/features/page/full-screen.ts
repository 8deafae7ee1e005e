/** Full screen, for a projector. Where the browser has none or refuses it, the page takes the same layout in its window. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';

export class FullScreen implements ReactiveController {
  on = false;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    document.addEventListener('fullscreenchange', this.changed);
  }

  hostDisconnected(): void {
    document.removeEventListener('fullscreenchange', this.changed);
  }

  readonly toggle = (): void => {
    this.set(!this.on);
    if (!this.on && document.fullscreenElement) void document.exitFullscreen();
    if (this.on && document.fullscreenEnabled) document.documentElement.requestFullscreen().catch(() => {});
  };

  /** The browser's own key and button leave too. */
  private changed = (): void => this.set(document.fullscreenElement !== null);

  private set(on: boolean): void {
    this.on = on;
    this.host.requestUpdate();
  }
}
