#include "cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "egw/json.h"
#include "egw/kafka.h"
#include "egw/suggest.h"

enum { WIDTH = 80, COMMAND_COLUMN = 14, HELP_COLUMN = 27 };

const struct egw_option egw_common_options[] = {
    {'c', "config", "FILE", "settings file (default: $EGW_CONFIG, or none)", NULL, false, NULL},
    {'s', "set", "KEY=VALUE", "set one setting", NULL, true, NULL},
    {'h', "help", NULL, "show this and stop", NULL, false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

enum { COMMON_CONFIG, COMMON_SET, COMMON_HELP };

/* ---- text ---- */

void egw_put_wrapped(FILE *to, const char *text, size_t column, size_t indent, size_t width)
{
    bool first = true;

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t n = strcspn(text, " ");

        if (!first && column + 1 + n > width) {
            (void)fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        (void)fprintf(to, "%s%.*s", first ? "" : " ", (int)n, text);
        column += n + !first;
        first = false;
        text += n;
    }
    (void)fputc('\n', to);
}

/* ---- faults and exit codes ---- */

static int exit_for(enum egw_status st)
{
    switch (st) {
    case EGW_OK:
        return EGW_EXIT_OK;
    case EGW_INVALID:
        return EGW_EXIT_DATA;
    case EGW_NOT_FOUND:
        return EGW_EXIT_NO;
    case EGW_RETRY:
    case EGW_IO:
        return EGW_EXIT_UNAVAILABLE;
    case EGW_ABORT:
    case EGW_FENCED:
    case EGW_FATAL:
        return EGW_EXIT_TRY_AGAIN; /* a new process starts over from what is committed */
    case EGW_DENIED:
        return EGW_EXIT_DENIED;
    case EGW_NOMEM:
        return EGW_EXIT_BUG;
    }
    return EGW_EXIT_BUG;
}

bool egw_wants_json(const struct egw_args *args)
{
    const char *output = egw_arg(args, "output");

    return output && strcmp(output, "json") == 0;
}

int egw_fail(const struct egw_error *err)
{
    (void)fflush(stdout);
    (void)fputs("egw: ", stderr);
    egw_put_safe(stderr, egw_str_of(err->text));
    (void)fputc('\n', stderr);
    return exit_for(err->status);
}

enum egw_status egw_put_fault_list(const struct egw_faults *faults, struct egw_buf *out)
{
    enum egw_status st = egw_buf_put(out, "[", 1);

    for (size_t i = 0; i < faults->n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = egw_json_string(egw_str_of(faults->texts[i]), out);
    }
    return st ? st : egw_buf_put(out, "]", 1);
}

enum egw_status egw_put_faults(const struct egw_faults *faults, struct egw_buf *out)
{
    enum egw_status st = egw_buf_printf(out, "\"faults\":");

    if (!st)
        st = egw_put_fault_list(faults, out);
    return st ? st : egw_buf_printf(out, ",\"more\":%zu", faults->total - faults->n);
}

static void put_json_faults(const struct egw_faults *faults)
{
    struct egw_buf line = {0};

    if (!egw_buf_printf(&line, "{") && !egw_put_faults(faults, &line) &&
        !egw_buf_printf(&line, "}\n"))
        (void)fwrite(line.p, 1, line.n, stdout);
    egw_buf_free(&line);
}

int egw_fail_faults(const struct egw_args *args, const struct egw_faults *faults)
{
    if (args && egw_wants_json(args))
        put_json_faults(faults);
    (void)fflush(stdout);
    for (size_t i = 0; i < faults->n; i++) {
        egw_put_safe(stderr, egw_str_of(faults->texts[i]));
        (void)fputc('\n', stderr);
    }
    if (faults->total > faults->n)
        (void)fprintf(stderr, "... and %zu more\n", faults->total - faults->n);
    return EGW_EXIT_CONFIG;
}

int egw_fail_policy(const struct egw_args *args, const struct egw_faults *faults,
                    const struct egw_error *err)
{
    return faults->total ? egw_fail_faults(args, faults) : egw_fail(err);
}

int egw_usage(const struct egw_args *args, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)fflush(stdout);
    (void)fprintf(stderr,
                  args->command ? "egw %s: " : "egw: ", args->command ? args->command->name : "");
    egw_put_safe(stderr, egw_str_of(text));
    (void)fputc('\n', stderr);
    return EGW_EXIT_USAGE;
}

/* ---- help ---- */

/* "text|json|id" as "text, json or id"; last is what joins the last. */
static void spell_choices(const char *choices, const char *last, char *out, size_t n)
{
    size_t used = 0;

    out[0] = '\0';
    while (*choices && used < n) {
        size_t one = strcspn(choices, "|");
        const char *rest = choices + one + (choices[one] == '|');
        const char *join = !*rest ? "" : strchr(rest, '|') ? ", " : last;
        int made = snprintf(out + used, n - used, "%.*s%s", (int)one, choices, join);

        used += made < 0 ? 0 : (size_t)made;
        choices = rest;
    }
}

void egw_option_help(const struct egw_option *option, char *out)
{
    char verbs[256];

    spell_choices(option->verbs ? option->verbs : "", ", ", verbs, sizeof(verbs));
    (void)snprintf(out, EGW_HELP_MAX, "%s%s%s%s", verbs, *verbs ? ": " : "", option->help,
                   option->repeats ? " (may be repeated)" : "");
}

static void put_option(FILE *to, const struct egw_option *option)
{
    const char *value = option->choices ? option->choices : option->argument;
    char help[EGW_HELP_MAX];
    int n;

    if (option->letter)
        n = fprintf(to, "  -%c, --%s%s%s", option->letter, option->name, value ? " " : "",
                    value ? value : "");
    else
        n = fprintf(to, "      --%s%s%s", option->name, value ? " " : "", value ? value : "");
    if (n + 2 > HELP_COLUMN) {
        (void)fputc('\n', to);
        n = 0;
    }
    (void)fprintf(to, "%*s", HELP_COLUMN - n, "");
    egw_option_help(option, help);
    egw_put_wrapped(to, help, HELP_COLUMN, HELP_COLUMN, WIDTH);
}

static void put_options(FILE *to, const struct egw_option *options)
{
    for (; options && options->name; options++)
        put_option(to, options);
}

static void put_help(FILE *to)
{
    (void)fputs("usage: egw COMMAND [OPTION...]\n\n", to);
    egw_put_wrapped(to,
                    "egw decides each support event exactly once: resolve it, wait, or escalate.",
                    0, 0, WIDTH);
    (void)fputc('\n', to);
    for (size_t i = 0; egw_commands[i]; i++) {
        (void)fprintf(to, "  %-12s", egw_commands[i]->name);
        egw_put_wrapped(to, egw_commands[i]->summary, COMMAND_COLUMN, COMMAND_COLUMN, WIDTH);
    }
    (void)fputs("\nEvery command takes:\n", to);
    put_options(to, egw_common_options);
    (void)fputs("\negw COMMAND --help says more; egw --version lists the libraries.\n"
                "exit: 0 done or yes, 1 no, 2 usage, 65 bad input, 69 no broker, 70 our bug,\n"
                "      75 try again, 77 not let in or not permitted, 78 settings or policy\n",
                to);
}

const char *egw_common_exits(const struct egw_command *command)
{
    return command->no_settings ? "2 wrong usage" : "2 wrong usage, 77 not let in or not permitted";
}

static void put_command_help(FILE *to, const struct egw_command *command)
{
    char exits[512];
    int n = fprintf(to, "usage: egw %s [OPTION...]", command->name);

    if (command->operands && *command->operands) {
        (void)fputc(' ', to);
        egw_put_wrapped(to, command->operands, (size_t)n + 1, (size_t)n + 1, WIDTH);
    } else {
        (void)fputc('\n', to);
    }
    (void)fputc('\n', to);
    egw_put_wrapped(to, command->about, 0, 0, WIDTH);
    (void)fputc('\n', to);
    put_options(to, command->options);
    put_options(to, egw_common_options + (command->no_settings ? COMMON_HELP : 0));
    (void)snprintf(exits, sizeof(exits), "%s; %s", command->exits, egw_common_exits(command));
    n = fprintf(to, "exit: ");
    egw_put_wrapped(to, exits, (size_t)n, (size_t)n, WIDTH);
}

/* ---- parsing ---- */

struct parse {
    struct egw_args *args;
    char **argv; /* after the command's name */
    int argc, at;
    const char *config;
    bool help;
};

static const struct egw_option no_options[] = {{0, NULL, NULL, NULL, NULL, false, NULL}};

static const struct egw_option *own_options(const struct egw_command *command)
{
    return command->options ? command->options : no_options;
}

static const struct egw_option *find_long(const struct egw_option *options, struct egw_str name)
{
    for (; options->name; options++)
        if (egw_str_is(name, options->name))
            return options;
    return NULL;
}

static const struct egw_option *find_letter(const struct egw_option *options, char letter)
{
    for (; options->name; options++)
        if (options->letter == letter)
            return options;
    return NULL;
}

/* "text|json" holds value. */
static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);

    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, value, n) == 0 && (at[n] == '|' || !at[n]))
            return true;
    }
    return false;
}

static int store_common(struct parse *p, size_t which, const char *value)
{
    if (which == COMMON_HELP) {
        p->help = true;
    } else if (p->args->command->no_settings) {
        return egw_usage(p->args, "no settings are read: --%s has no use here",
                         egw_common_options[which].name);
    } else if (which == COMMON_CONFIG) {
        p->config = value;
    } else if (p->args->set_count == EGW_REPEATS_MAX) {
        return egw_usage(p->args, "--set is given more than %d times", EGW_REPEATS_MAX);
    } else {
        p->args->sets[p->args->set_count++] = value;
    }
    return EGW_EXIT_OK;
}

static int store_own(struct parse *p, const struct egw_option *option, const char *value)
{
    size_t i = (size_t)(option - p->args->command->options);
    char spelt[256];

    if (option->choices && !is_choice(option->choices, value)) {
        spell_choices(option->choices, " or ", spelt, sizeof(spelt));
        return egw_usage(p->args, "--%s must be %s, not \"%.80s\"", option->name, spelt, value);
    }
    if (option->repeats && p->args->count[i] == EGW_REPEATS_MAX)
        return egw_usage(p->args, "--%s is given more than %d times", option->name,
                         EGW_REPEATS_MAX);
    if (option->repeats)
        p->args->repeated[i][p->args->count[i]] = value;
    p->args->value[i] = value;
    p->args->count[i]++;
    return EGW_EXIT_OK;
}

static int store(struct parse *p, const struct egw_option *option, const char *value)
{
    for (size_t i = 0; egw_common_options[i].name; i++)
        if (option == &egw_common_options[i])
            return store_common(p, i, value);
    return store_own(p, option, value);
}

/* The value of an option: after '=' or in the same word (inlined), else the next word. */
static int store_valued(struct parse *p, const struct egw_option *option, const char *inlined)
{
    char spelt[256] = "";

    if (inlined)
        return store(p, option, inlined);
    if (p->at < p->argc)
        return store(p, option, p->argv[p->at++]);
    if (option->choices)
        spell_choices(option->choices, " or ", spelt, sizeof(spelt));
    return egw_usage(p->args, "--%s needs a value: %s", option->name,
                     option->choices ? spelt : option->argument);
}

static int unknown_long(struct parse *p, struct egw_str name)
{
    struct egw_suggestion near;
    const struct egw_option *o;

    egw_suggest_begin(&near, name);
    for (o = own_options(p->args->command); o->name; o++)
        egw_suggest_offer(&near, o->name, o->name);
    for (o = egw_common_options; o->name; o++)
        egw_suggest_offer(&near, o->name, o->name);
    if (near.best)
        return egw_usage(p->args, "unknown option --%.*s: did you mean --%s?", EGW_FMT(name),
                         near.best);
    return egw_usage(p->args, "unknown option --%.*s", EGW_FMT(name));
}

static int parse_long(struct parse *p, const char *word)
{
    const char *equals = strchr(word, '=');
    struct egw_str name = {word, equals ? (size_t)(equals - word) : strlen(word)};
    const struct egw_option *option = find_long(own_options(p->args->command), name);

    if (!option)
        option = find_long(egw_common_options, name);
    if (!option)
        return unknown_long(p, name);
    if (option->argument || option->choices)
        return store_valued(p, option, equals ? equals + 1 : NULL);
    if (equals)
        return egw_usage(p->args, "--%s takes no value", option->name);
    return store(p, option, "");
}

static int parse_letters(struct parse *p, const char *letters)
{
    int code = EGW_EXIT_OK;

    while (*letters && code == EGW_EXIT_OK) {
        const struct egw_option *option = find_letter(own_options(p->args->command), *letters);

        if (!option)
            option = find_letter(egw_common_options, *letters);
        if (!option)
            return egw_usage(p->args, "unknown option -%c", *letters);
        letters++;
        if (option->argument || option->choices)
            return store_valued(p, option, *letters ? letters : NULL);
        code = store(p, option, "");
    }
    return code;
}

/* What goes with one verb would be ignored by another, which may do more than was meant. */
static int check_verbs(const struct egw_args *args)
{
    const struct egw_option *options = own_options(args->command);
    char spelt[256];

    for (size_t i = 0; args->operand_count > 0 && options[i].name; i++) {
        if (!args->value[i] || !options[i].verbs || is_choice(options[i].verbs, args->operands[0]))
            continue;
        spell_choices(options[i].verbs, " and ", spelt, sizeof(spelt));
        return egw_usage(args, "--%s goes with %s, not with %.80s", options[i].name, spelt,
                         args->operands[0]);
    }
    return EGW_EXIT_OK;
}

/* Options and operands may stand in any order; "--" ends the options, "-" is an operand. */
static int parse_words(struct parse *p)
{
    int code = EGW_EXIT_OK;
    bool only_operands = false;

    p->args->operands = p->argv;
    while (p->at < p->argc && code == EGW_EXIT_OK) {
        char *word = p->argv[p->at++];

        if (only_operands || word[0] != '-' || !word[1])
            p->argv[p->args->operand_count++] = word;
        else if (strcmp(word, "--") == 0)
            only_operands = true;
        else if (word[1] == '-')
            code = parse_long(p, word + 2);
        else
            code = parse_letters(p, word + 1);
    }
    if (code == EGW_EXIT_OK && p->args->operand_count > 0 &&
        !(p->args->command->operands && *p->args->command->operands) && !p->help)
        code =
            egw_usage(p->args, "takes no operands, but \"%.80s\" is given", p->args->operands[0]);
    return code || p->help ? code : check_verbs(p->args);
}

const char *egw_arg(const struct egw_args *args, const char *name)
{
    const struct egw_option *option = find_long(own_options(args->command), egw_str_of(name));

    return option ? args->value[option - args->command->options] : NULL;
}

const char *egw_arg_who(const struct egw_args *args)
{
    const char *who = egw_arg(args, "by");
    const struct passwd *user;

    if (who)
        return *who ? who : NULL;
    who = getenv("USER");
    if (who && *who)
        return who;
    user = getpwuid(geteuid());
    return user && *user->pw_name ? user->pw_name : NULL;
}

int egw_arg_time(const struct egw_args *args, const char *name, int64_t *ret)
{
    const char *text = egw_arg(args, name);

    if (text && !egw_time_parse(egw_str_of(text), ret))
        return egw_usage(args, "--%s needs a date or time such as 2026-01-05T08:00:00Z, not %s",
                         name, text);
    return EGW_EXIT_OK;
}

/* ---- running ---- */

int egw_fail_settings(const struct egw_args *args, enum egw_status st,
                      const struct egw_faults *faults)
{
    int code;

    if (st == EGW_NOMEM)
        return egw_fail(&(struct egw_error){EGW_NOMEM, "no memory for the settings"});
    code = egw_fail_faults(args, faults);
    /* The machine could not read them: nobody knows that they are wrong. */
    return st == EGW_RETRY ? EGW_EXIT_UNAVAILABLE : code;
}

/* What follows from the settings is looked at as well where a part of them is wrong: all that has
 * to be mended is said in one run. */
static int load_settings(struct parse *p)
{
    struct egw_args *args = p->args;
    const char *path = p->config, *from_env = getenv("EGW_CONFIG");
    struct egw_faults faults = {0};
    int code = EGW_EXIT_OK;

    if (!path && from_env && *from_env)
        path = from_env;
    args->config = path;
    args->loaded = egw_settings_load(path, args->sets, args->set_count, &args->settings, &faults);
    if (args->command->judges_settings && args->loaded != EGW_NOMEM) {
        args->faults = faults;
        return EGW_EXIT_OK;
    }
    if (args->settings.kafka.brokers)
        egw_kafka_check(&args->settings, &faults);
    if (args->loaded || faults.total)
        code = egw_fail_settings(args, args->loaded, &faults);
    egw_faults_free(&faults);
    return code;
}

/* What was printed must have arrived: a full disk must not look like success. */
static int finish(int code)
{
    const char *why = "a part of it was not taken";

    if (fflush(stdout) != 0)
        why = strerror(errno);
    else if (!ferror(stdout))
        return code;
    (void)fprintf(stderr, "egw: cannot write to standard output: %s\n", why);
    return code == EGW_EXIT_OK ? EGW_EXIT_UNAVAILABLE : code;
}

static int run_command(const struct egw_command *command, int argc, char **argv)
{
    struct egw_args *args = calloc(1, sizeof(*args));
    struct parse p = {.args = args, .argv = argv, .argc = argc};
    int code;

    if (!args)
        return egw_fail(&(struct egw_error){EGW_NOMEM, "no memory for the command line"});
    args->command = command;
    code = parse_words(&p);
    if (code == EGW_EXIT_OK && p.help) {
        put_command_help(stdout, command);
    } else if (code == EGW_EXIT_OK) {
        if (!command->no_settings)
            code = load_settings(&p);
        if (code == EGW_EXIT_OK)
            code = command->run(args);
        egw_settings_free(&args->settings);
        egw_faults_free(&args->faults);
    }
    free(args);
    return finish(code);
}

static const struct egw_command *find_command(const char *name)
{
    for (size_t i = 0; egw_commands[i]; i++)
        if (strcmp(egw_commands[i]->name, name) == 0)
            return egw_commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const struct egw_args none = {0};
    struct egw_suggestion near;

    egw_suggest_begin(&near, egw_str_of(name));
    for (size_t i = 0; egw_commands[i]; i++)
        egw_suggest_offer(&near, egw_commands[i]->name, egw_commands[i]->name);
    if (name[0] == '-')
        return egw_usage(&none, "unknown option %.80s: options follow the command", name);
    if (near.best)
        return egw_usage(&none, "unknown command %.80s: did you mean %s?", name, near.best);
    return egw_usage(&none, "unknown command %.80s: egw --help lists them", name);
}

int egw_main(int argc, char **argv)
{
    const struct egw_args none = {0};
    const struct egw_command *command;

    if (argc < 2)
        return egw_usage(&none, "a command is needed: egw --help lists them");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        put_help(stdout);
        return finish(EGW_EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        egw_put_versions(stdout);
        return finish(EGW_EXIT_OK);
    }
    command = find_command(argv[1]);
    return command ? run_command(command, argc - 2, argv + 2) : unknown_command(argv[1]);
}
