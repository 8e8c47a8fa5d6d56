// What a supervisor's core answers, in a form that tests can read at a glance.
import type { SupervisorAction } from '#supervision';

/** `+a` start, `-a` stop, `!a` retire, `xa` remove, `=ok` reply, else the action's type and the child that it names. */
export function showAction(action: SupervisorAction): string {
  switch (action.type) {
    case 'start':
      return `+${action.child}`;
    case 'stop':
      return `-${action.child}`;
    case 'retire':
      return `!${action.child}`;
    case 'remove':
      return `x${action.child}`;
    case 'reply':
      return `=${action.outcome}`;
    case 'cancel':
      return `cancel ${action.recovery}`;
    default:
      return 'child' in action ? `${action.type} ${action.child}` : action.type;
  }
}
