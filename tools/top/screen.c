#include "tools/top/screen.h"

#include <curses.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_WIDTH 14
#define WIDE 80 // narrower, the cluster's latencies give way to its nodes' states
#define FIRST_STAGE_COLOR 1

static SCREEN *screen;

bool screen_open(void)
{
    setlocale(LC_ALL, "");
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        return false;
    screen = newterm(NULL, stdout, stdin);
    if (!screen)
        return false;
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    if (has_colors()) {
        start_color();
        use_default_colors();
        for (short i = 0; i < TOP_STAGES_MAX; i++)
            init_pair((short)(FIRST_STAGE_COLOR + i), (short)(1 + i % 6), -1);
    }
    return true;
}

void screen_close(void)
{
    if (!screen)
        return;
    endwin();
    delscreen(screen);
    screen = NULL;
}

enum top_key screen_wait(unsigned ms)
{
    timeout((int)ms);
    switch (getch()) {
    case 'q':
    case 'Q':
    case 27:
        return TOP_KEY_QUIT;
    case KEY_UP:
    case 'k':
        return TOP_KEY_UP;
    case KEY_DOWN:
    case 'j':
    case '\t':
        return TOP_KEY_DOWN;
    case ' ':
    case 'p':
        return TOP_KEY_PAUSE;
    case KEY_RESIZE:
        return TOP_KEY_REDRAW;
    default:
        return TOP_KEY_NONE;
    }
}

// ---- texts

// 12345678 as 12.3M, in at most 7 columns.
static const char *scaled(char out[16], double x)
{
    static const char units[] = " kMGTP";
    size_t unit = 0;
    while (x >= 9999.5 && unit + 2 < sizeof units) {
        x /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(out, 16, x < 99.95 && x != floor(x) ? "%.1f" : "%.0f", x);
    else
        snprintf(out, 16, "%.4g%c", x, units[unit]);
    return out;
}

static const char *duration(char out[16], double seconds)
{
    if (seconds <= 0)
        snprintf(out, 16, "-");
    else if (seconds < 1e-3)
        snprintf(out, 16, "%.0f us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(out, 16, "%.3g ms", seconds * 1e3);
    else
        snprintf(out, 16, "%.3g s", seconds);
    return out;
}

static const char *percent(char out[16], double share)
{
    if (share < 0)
        snprintf(out, 16, "-");
    else
        snprintf(out, 16, "%.0f %%", share * 100);
    return out;
}

static const char *state_of(const struct top_node *n)
{
    return n->trouble ? n->trouble : n->figures.healthy ? "healthy" : "not healthy: see /health";
}

// A line that what does not fit is cut from. The last one is the keys'.
__attribute__((format(printf, 2, 3))) static void line(int y, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (y < LINES - 1)
        mvaddnstr(y, 0, text, COLS);
}

// ---- parts; each begins at line y and returns the line after it

static const char *without_scheme(const char *url)
{
    const char *after = strstr(url, "://");
    return after ? after + 3 : url;
}

static void cluster_line(int y, const char *node, const char *const cells[5], const char *state)
{
    if (COLS >= WIDE)
        line(y, "  %-21.21s %8s %8s %8s %8s %8s  %s", node, cells[0], cells[1], cells[2], cells[3], cells[4], state);
    else
        line(y, "  %-21.21s %8s %8s %8s  %s", node, cells[0], cells[1], cells[2], state);
}

static int draw_cluster(const struct top_view *v, int y)
{
    static const char *const heads[] = {"height", "offered", "included", "p50", "p99"};
    attron(A_BOLD);
    cluster_line(y++, "node", heads, "state");
    attroff(A_BOLD);
    for (size_t i = 0; i < v->count; i++) {
        const struct top_node *n = &v->nodes[i];
        const struct top_figures *f = &n->figures;
        char height[16], offered[16], included[16], p50[16], p99[16];
        const char *const cells[] = {height, scaled(offered, f->offered), scaled(included, f->included),
                                     duration(p50, f->latency_p50), duration(p99, f->latency_p99)};
        snprintf(height, sizeof height, "%.0f", f->durable);
        if (i == v->selected)
            attron(A_REVERSE);
        if (n->trouble)
            line(y++, "  %-21.21s  %s", without_scheme(n->name), n->trouble);
        else
            cluster_line(y++, without_scheme(n->name), cells, state_of(n));
        attroff(A_REVERSE);
    }
    return y + 1;
}

static int draw_figures(const struct top_figures *f, int y)
{
    char a[16], b[16], c[16], d[16], e[16];
    line(y++, "block         %.0f, durable %.0f; fee %.3g gwei; %s blocks/s, %s gas/s", f->height, f->durable,
         f->base_fee_gwei, scaled(a, f->blocks), scaled(b, f->gas));
    line(y++, "a second      offered %s  accepted %s  refused %s  included %s  dropped %s", scaled(a, f->offered),
         scaled(b, f->accepted), scaled(c, f->refused), scaled(d, f->included), scaled(e, f->dropped));
    line(y++, "latency       p50 %s, p99 %s; commit %s, %s; sync %s", duration(a, f->latency_p50),
         duration(b, f->latency_p99), duration(c, f->commit_p50), duration(d, f->commit_p99), duration(e, f->sync_p50));
    line(y++, "pool          pending %s, queued %s, %sB", scaled(a, f->pending), scaled(b, f->queued),
         scaled(c, f->pool_bytes));
    line(y++, "lanes         signatures %s full, keccak %s full", percent(a, f->lanes_signatures),
         percent(b, f->lanes_keccak));
    line(y++, "connections   ingest %s, rpc %s; %s rpc calls/s", scaled(a, f->ingest_connections),
         scaled(b, f->rpc_connections), scaled(c, f->rpc_calls));
    line(y++, "memory        %sB resident, log %sB", scaled(a, f->resident_bytes), scaled(b, f->log_bytes));
    return y + 1;
}

// The thread did not run.
static bool is_off(const char *stage)
{
    return strcmp(stage, "idle") == 0 || strcmp(stage, "preempted") == 0;
}

// What draws a stage in the strips.
static chtype mark_of(const struct top_figures *f, size_t stage)
{
    if (strcmp(f->stages[stage], "idle") == 0)
        return (chtype)'.' | A_DIM;
    const chtype letter = (chtype)(unsigned char)f->stages[stage][0];
    const char *first = f->stages[stage];
    // Stages that begin with the same letter: the later ones in capitals, then by their second letter.
    unsigned before = 0;
    for (size_t i = 0; i < stage; i++)
        before += f->stages[i][0] == first[0];
    const chtype mark = before == 0   ? letter
                        : before == 1 ? (chtype)(letter - 'a' + 'A')
                                      : (chtype)(unsigned char)first[1];
    return mark | A_BOLD | (has_colors() ? COLOR_PAIR(FIRST_STAGE_COLOR + (int)stage) : 0);
}

// Over as many lines as it takes.
static int draw_legend(const struct top_figures *f, int y)
{
    move(y, NAME_WIDTH);
    for (size_t s = 0; s < f->stage_count && y < LINES - 1; s++) {
        if (getcurx(stdscr) + (int)strlen(f->stages[s]) + 4 > COLS)
            move(++y, NAME_WIDTH);
        if (y == LINES - 1)
            break;
        addch(mark_of(f, s));
        addch(' ');
        addstr(f->stages[s]);
        addstr("  ");
    }
    return y + 1;
}

static void draw_strip(const struct top_figures *f, const struct top_thread *t, int width)
{
    double end = 0;
    int at = 0;
    for (size_t s = 0; s < f->stage_count; s++) {
        end += t->share[s] * width;
        for (; at < width && at + 0.5 < end; at++)
            addch(mark_of(f, s));
    }
}

static int draw_threads(const struct top_figures *f, int y)
{
    const int width = COLS - NAME_WIDTH - 8;
    y = draw_legend(f, y);
    for (size_t i = 0; i < f->thread_count && y < LINES - 1; i++, y++) {
        const struct top_thread *t = &f->threads[i];
        double busy = 0;
        for (size_t s = 0; s < f->stage_count; s++)
            busy += is_off(f->stages[s]) ? 0 : t->share[s];
        mvprintw(y, 0, "%-*.*s%4.0f %%  ", NAME_WIDTH, NAME_WIDTH - 1, t->name, busy * 100);
        if (width > 0)
            draw_strip(f, t, width);
    }
    return y;
}

void screen_draw(const struct top_view *v)
{
    const struct top_node *n = &v->nodes[v->selected];
    erase();
    attron(A_BOLD);
    line(0, "gantry top  %s  %s%s", n->name, state_of(n), v->paused ? "  (paused)" : "");
    attroff(A_BOLD);
    line(1, "%s  %s%s", n->trouble ? "" : n->figures.version, n->trouble ? "" : n->figures.kernels,
         v->count > 1 ? "  (up, down: another node)" : "");
    int y = 3;
    if (v->count > 1)
        y = draw_cluster(v, y);
    if (!n->trouble) {
        y = draw_figures(&n->figures, y);
        draw_threads(&n->figures, y);
    }
    mvaddnstr(LINES - 1, 0, "q quit  space pause", COLS);
    refresh();
}
