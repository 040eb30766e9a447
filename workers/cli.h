/*
 * cli - what every command shares: option tables, exit codes, the settings they load, log lines
 *
 * main.c holds the table of commands; each command is one file with one function and one table of
 * options. The tables feed parsing, --help, the manual and shell completion. Results go to stdout,
 * all else to stderr.
 */
#ifndef EGW_CLI_H
#define EGW_CLI_H

#include <sysexits.h>

#include "egw/buf.h"
#include "egw/settings.h"

enum egw_exit {
    EGW_EXIT_OK = 0, /* done, or yes */
    EGW_EXIT_NO = 1, /* the answer is no */
    EGW_EXIT_USAGE = 2,
    EGW_EXIT_DATA = EX_DATAERR,            /* 65 bad input */
    EGW_EXIT_UNAVAILABLE = EX_UNAVAILABLE, /* 69 no broker, could not check */
    EGW_EXIT_BUG = EX_SOFTWARE,            /* 70 */
    EGW_EXIT_TRY_AGAIN = EX_TEMPFAIL,      /* 75 */
    EGW_EXIT_DENIED = EX_NOPERM,           /* 77 */
    EGW_EXIT_CONFIG = EX_CONFIG,           /* 78 settings or policy */
};

struct egw_option {
    char letter;          /* 0: long form only */
    const char *name;     /* "follow" */
    const char *argument; /* NULL: a flag; else its name in help: "FILE" */
    const char *help;
    const char *choices; /* NULL, or "text|json": checked, and completed by the shell */
    bool repeats;
    const char *verbs; /* "activate|rollback": goes with these first operands only; NULL: any */
};

enum { EGW_OPTIONS_MAX = 24, EGW_REPEATS_MAX = 64 };

struct egw_command;

/* What parsing found: values by place in the command's option table. */
struct egw_args {
    const struct egw_command *command;
    const char *value[EGW_OPTIONS_MAX]; /* last value; flags: "" when given; NULL: not given */
    const char *repeated[EGW_OPTIONS_MAX][EGW_REPEATS_MAX];
    size_t count[EGW_OPTIONS_MAX];
    char **operands;
    size_t operand_count;
    const char *config;                /* the settings file; NULL: none */
    const char *sets[EGW_REPEATS_MAX]; /* -s, in order */
    size_t set_count;
    struct egw_settings settings; /* loaded from -c and -s unless the command says otherwise */
    /* Of a command that judges settings: what loading them said and found wrong. Where they could
     * not be read at all, settings.kafka.brokers is NULL. */
    enum egw_status loaded;
    struct egw_faults faults;
};

struct egw_command {
    const char *name;
    const char *operands;             /* usage: "EVENT", "put FILE | get KEY | list" */
    const char *summary;              /* one line of the help screen */
    const char *about;                /* a paragraph for --help and the manual */
    const char *exits;                /* "0 no findings, 1 findings": what its exit codes say */
    const struct egw_option *options; /* ends with a NULL name; -c, -s, -h are common */
    bool no_settings;
    bool judges_settings;              /* tells itself what is wrong with them */
    int (*run)(struct egw_args *args); /* returns the exit code */
};

/* The help of an option, with the verbs it goes with before it. out holds EGW_HELP_MAX bytes. */
enum { EGW_HELP_MAX = 1024 };
void egw_option_help(const struct egw_option *option, char *out);
/* The value of a long option by name; NULL: not given. The name must be in the command's table. */
const char *egw_arg(const struct egw_args *args, const char *name);
/* The same where it is a time, in Unix ms; *ret stays where it was not given. 0, or 2 and said why.
 */
int egw_arg_time(const struct egw_args *args, const char *name, int64_t *ret);

/* Who acts: --by, else $USER, else the name of the user the process runs as. NULL: --by is empty,
 * or nobody knows. */
const char *egw_arg_who(const struct egw_args *args);

/* -o json, where the command has it. */
bool egw_wants_json(const struct egw_args *args);

/* "egw: <error text>" on stderr; returns the exit code that fits the status. */
int egw_fail(const struct egw_error *err);
int egw_usage(const struct egw_args *args, const char *fmt, ...) EGW_PRINTF(2, 3);

/* What any command like it may exit with besides its own exits. */
const char *egw_common_exits(const struct egw_command *command);
/* One fault a line on stderr, and with -o json all of them as an object on stdout; returns the exit
 * code for settings or policy (78). args: NULL for text only. */
int egw_fail_faults(const struct egw_args *args, const struct egw_faults *faults);
/* The same of settings; st: what loading them said. 69 where they could not be read just then. */
int egw_fail_settings(const struct egw_args *args, enum egw_status st,
                      const struct egw_faults *faults);
/* What came of reading a policy: its faults where there are any, else the error. */
int egw_fail_policy(const struct egw_args *args, const struct egw_faults *faults,
                    const struct egw_error *err);
/* ["x.cfg:12: ...", ...] */
enum egw_status egw_put_fault_list(const struct egw_faults *faults, struct egw_buf *out);
/* The members of a JSON object that tell of them: "faults":["x.cfg:12: ...", ...],"more":0 */
enum egw_status egw_put_faults(const struct egw_faults *faults, struct egw_buf *out);

/* text with all that could steer a terminal or fake a line (controls, bidi marks, broken UTF-8)
 * written as \n, \u202e ... For whatever comes from outside and is shown to a person. */
void egw_put_safe(FILE *to, struct egw_str text);
/* Words of text in lines of at most `width` columns. The caller has printed `column` columns of the
 * first line already; later lines begin with `indent` spaces. Ends with a newline. */
void egw_put_wrapped(FILE *to, const char *text, size_t column, size_t indent, size_t width);

/* ---- the frame itself ---- */

/* -c, -s and -h: what every command takes besides its own. Ends with a NULL name. */
extern const struct egw_option egw_common_options[];
/* Finds the command, parses, loads the settings, runs; returns the exit code. */
int egw_main(int argc, char **argv);
/* One "name version" a line: egw and every library it is linked with. */
void egw_put_versions(FILE *to);

/* ---- log lines (logfmt on stderr), for workers ---- */

enum egw_log_level { EGW_LEVEL_ERROR, EGW_LEVEL_WARN, EGW_LEVEL_INFO, EGW_LEVEL_DEBUG };
void egw_log_set_level(const char *name);
/* what="txn.abort", then pairs of key and value text, ended by NULL. Values are escaped: one call
 * is one line whatever they hold; a value over 256 bytes is cut. */
void egw_log_line(enum egw_log_level level, const char *what, ...) __attribute__((sentinel));

extern const struct egw_command *const egw_commands[]; /* NULL-terminated; main.c */

#endif
