/** The tour and present mode. Loaded when one of them is opened. */
import './present';
export { openTour } from './tour';
