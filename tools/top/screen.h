// The terminal of `gantry top`. One thread; one screen a process.
#ifndef GANTRY_TOOLS_TOP_SCREEN_H
#define GANTRY_TOOLS_TOP_SCREEN_H

#include "tools/top/figures.h"

struct top_node {
    const char *name;
    const char *trouble; // why there are no figures, NULL when there are
    struct top_figures figures;
};

struct top_view {
    const struct top_node *nodes;
    size_t count, selected;
    bool paused;
};

enum top_key { TOP_KEY_NONE, TOP_KEY_QUIT, TOP_KEY_UP, TOP_KEY_DOWN, TOP_KEY_PAUSE, TOP_KEY_REDRAW };

// false when standard output is no terminal that ncurses knows.
MUST_CHECK bool screen_open(void);
// Leaves the terminal as it was.
void screen_close(void);
void screen_draw(const struct top_view *view);
// Waits at most so long for a key or a new size.
enum top_key screen_wait(unsigned ms);

#endif
