// When a child that ended is started again. Supervisors read it from the child's spec; it says nothing of
// which siblings are restarted with it (the strategy) nor of how often (the intensity).

/**
 * `permanent`: always restarted. `transient`: restarted only after an abnormal end. `temporary`: never
 * restarted, not even together with its siblings.
 */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** Whether a child of this type is started again after an end that was `abnormal` (a crash, a failed start) or not. */
export function isRestarted(type: RestartType, abnormal: boolean): boolean {
  switch (type) {
    case 'permanent':
      return true;
    case 'transient':
      return abnormal;
    case 'temporary':
      return false;
  }
}
