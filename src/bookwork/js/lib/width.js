// What is drawn as wide as its element.

const queue = [];
let busy = false;

/** Does something in a task of its own. */
function inTurn(act) {
  queue.push(act);
  if (busy) return;
  busy = true;
  const next = () => {
    try {
      queue.shift()();
    } finally { // a picture that fails keeps no other one waiting
      if (queue.length > 0) setTimeout(next);
      else busy = false;
    }
  };
  setTimeout(next);
}

/**
 * Calls draw(width) whenever an element has another width, in whole px; returns what ends it.
 *
 * The first time is a task of its own: a page with many pictures answers between one and the next. Until then the
 * element has a class by which the look keeps its room and hides what would jump; what is not to be seen (a panel that
 * is hidden, a section far away) has it only when it is. Before a page is printed all is drawn at once.
 */
export function followWidth(element, draw) {
  let width = 0;
  let waits = false;
  let ended = false;
  const isUndrawn = (undrawn) => element.classList.toggle("rx-undrawn", undrawn);
  function follow() {
    const now = Math.floor(element.clientWidth);
    if (ended || now === width || now === 0) return;
    width = now;
    draw(width);
    isUndrawn(false);
  }
  const observer = new ResizeObserver(() => {
    if (waits) return;
    if (width > 0) return follow();
    waits = true;
    isUndrawn(true);
    inTurn(() => {
      waits = false;
      follow();
      isUndrawn(false);
    });
  });
  isUndrawn(true);
  requestAnimationFrame(() => setTimeout(() => waits || isUndrawn(false))); // the observer would have told by then
  observer.observe(element);
  addEventListener("rx-measure", follow);
  return () => {
    ended = true;
    observer.disconnect();
    removeEventListener("rx-measure", follow);
  };
}
