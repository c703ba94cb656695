// Stands in for react-style-singleton, which would write style elements into the page.

const Nothing = () => null;

export const styleSingleton = () => Nothing;
export const styleHookSingleton = () => () => {};
export const stylesheetSingleton = () => ({ add() {}, remove() {} });
