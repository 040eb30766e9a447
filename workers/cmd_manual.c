/* egw manual: egw(1), written from the tables of commands, options and settings. */
#include <stdio.h>

#include "commands.h"

/* One line of text for mdoc: '.' and '\'' at its start and '\' anywhere would be requests. */
static void put_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else
            (void)fputc(*text, stdout);
    }
    (void)fputc('\n', stdout);
}

/* An argument of a macro: quoted, with '"' doubled. */
static void put_argument(const char *text)
{
    (void)fputc('"', stdout);
    for (; *text; text++) {
        if (*text == '"')
            (void)fputs("\"\"", stdout);
        else if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else
            (void)fputc(*text, stdout);
    }
    (void)fputc('"', stdout);
}

static void put_item(const char *macro, const char *text)
{
    (void)printf(".It %s ", macro);
    put_argument(text);
    (void)fputc('\n', stdout);
}

static void put_option(const struct egw_option *option)
{
    const char *value = option->choices ? option->choices : option->argument;
    char help[EGW_HELP_MAX];

    (void)fputs(".It", stdout);
    if (option->letter)
        (void)printf(" Fl %c ,", option->letter);
    (void)printf(" Fl \\-%s", option->name);
    if (value) {
        (void)fputs(" Ar ", stdout);
        put_argument(value);
    }
    (void)fputc('\n', stdout);
    egw_option_help(option, help);
    put_text(help);
}

static void put_options(const struct egw_option *options)
{
    if (!options || !options->name)
        return;
    (void)puts(".Bl -tag -width Ds");
    for (; options->name; options++)
        put_option(options);
    (void)puts(".El");
}

static void put_command(const struct egw_command *command)
{
    (void)printf(".Ss egw %s", command->name);
    if (command->operands && *command->operands) {
        (void)fputc(' ', stdout);
        put_argument(command->operands);
    }
    (void)fputc('\n', stdout);
    put_text(command->about);
    put_options(command->options);
    (void)fputs(".Pp\nExit: ", stdout);
    put_text(command->exits);
}

static void put_setting(size_t index)
{
    struct egw_setting_view v = egw_settings_view(index);
    char values[256];

    put_item("Va", v.key);
    put_text(v.help);
    (void)snprintf(values, sizeof(values), *v.fallback ? "(%s: %s; default: %s)" : "(%s: %s)",
                   v.type, v.range, v.fallback);
    put_text(values);
}

static void put_front(void)
{
    (void)puts(
        ".\\\" Written by egw manual from the program's own tables.\n"
        ".Dd $Mdocdate$\n"
        ".Dt EGW 1\n"
        ".Os\n"
        ".Sh NAME\n"
        ".Nm egw\n"
        ".Nd decide support events exactly once and route what Microsoft must see\n"
        ".Sh SYNOPSIS\n"
        ".Nm\n"
        ".Ar command\n"
        ".Op Fl c Ar file\n"
        ".Op Fl s Ar key=value\n"
        ".Op Ar option ...\n"
        ".Nm\n"
        ".Fl \\-help | \\-version\n"
        ".Sh DESCRIPTION\n"
        ".Nm\n"
        "is an escalation gateway for partners in Microsoft's Cloud Solution Provider\n"
        "programme.\n"
        "Support events arrive as Avro records in a Kafka topic; each triggers exactly one\n"
        "outcome, in order for each customer, through crashes, restarts and rebalances.\n"
        "Outcome, escalation command, case state and consumed offset commit in one Kafka\n"
        "transaction.\n"
        ".Pp\n"
        "A decision walks fixed stages: validity, access, service health, the partner's\n"
        "baseline, and the channels the partner is entitled to.\n"
        "The first rule that answers ends the walk, and the outcome carries that rule, the\n"
        "facts it looked at by value, and the rules it missed narrowly.\n"
        "Rules are data: they travel through Kafka and change at one record for all workers.\n"
        ".Pp\n"
        "Results go to standard output, all else to standard error.");
}

static void put_commands(void)
{
    (void)puts(".Sh COMMANDS\n"
               "Every command takes these options; those that read no settings take only\n"
               ".Fl h .");
    put_options(egw_common_options);
    for (size_t i = 0; egw_commands[i]; i++)
        put_command(egw_commands[i]);
}

static void put_settings(void)
{
    (void)puts(".Sh SETTINGS\n"
               "A settings file is a\n"
               ".Xr libconfig 3\n"
               "text of groups:\n"
               ".Bd -literal -offset indent\n"
               "kafka = {\n"
               "    brokers = \"broker1.example.com:9093\";\n"
               "    user = \"egw-triage\";\n"
               "    password_file = \"/etc/egw/secrets/kafka\";\n"
               "    properties = { ssl_ca_location = \"/etc/egw/ca.pem\"; };\n"
               "};\n"
               ".Ed\n"
               ".Pp\n"
               "Unknown keys, wrong types and values out of range are refused; all faults are\n"
               "listed in one run.\n"
               "Integers past 32 bits need the suffix L; @include is refused.\n"
               "On the command line a key is written\n"
               ".Va group.name .\n"
               ".Bl -tag -width Ds");
    for (size_t i = 0; i < egw_settings_count(); i++)
        put_setting(i);
    (void)puts(".El");
}

static void put_back(void)
{
    (void)puts(
        ".Sh ENVIRONMENT\n"
        ".Bl -tag -width EGW_CONFIG\n"
        ".It Ev EGW_CONFIG\n"
        "Settings file where no\n"
        ".Fl c\n"
        "is given.\n"
        ".It Ev EGW_SLOT\n"
        "Number of a worker where no\n"
        ".Fl \\-slot\n"
        "is given; it goes before the setting.\n"
        ".El\n"
        ".Pp\n"
        "Secrets are never taken from the environment or the command line: settings name\n"
        "the files that hold them.\n"
        ".Sh FILES\n"
        ".Bl -tag -width Ds\n"
        ".It Pa config/minimal.cfg\n"
        "The least a settings file needs.\n"
        ".It Pa config/full.cfg\n"
        "Every setting at its default.\n"
        ".It Pa config/policy , config/catalogue\n"
        "The shipped policy and the known errors that belong to it.\n"
        ".It Pa config/egw@.service\n"
        "A systemd unit: one instance for each worker, named by its slot.\n"
        ".El\n"
        ".Sh EXIT STATUS\n"
        ".Bl -tag -width Ds -compact\n"
        ".It 0\n"
        "Done, or yes.\n"
        ".It 1\n"
        "The answer is no: not found, or not in order.\n"
        ".It 2\n"
        "The command line is wrong.\n"
        ".It 65\n"
        "The input is wrong.\n"
        ".It 69\n"
        "No broker or other peer answered, a topic is not there or takes nothing as large as\n"
        "what is written, or a file could not be read; a restart helps once it is mended.\n"
        ".It 70\n"
        "A fault of egw itself, or no memory.\n"
        ".It 75\n"
        "Try again: the process lost its session or its transactions, or the machine\n"
        "had no thread or socket for it; restart it.\n"
        ".It 77\n"
        "Not let in (a password, a certificate), or not permitted (a right). The message\n"
        "names it; a restart will not help.\n"
        ".It 78\n"
        "Settings, policy or topics are wrong; a restart will not help.\n"
        ".El\n"
        ".Sh EXAMPLES\n"
        "Look at settings and policy before anything is changed, then set up and start the\n"
        "first worker:\n"
        ".Bd -literal -offset indent\n"
        "egw check -c egw.cfg --offline\n"
        "egw init -c egw.cfg\n"
        "egw triage -c egw.cfg --slot 0\n"
        ".Ed\n"
        ".Pp\n"
        "See how far the workers have come:\n"
        ".Pp\n"
        ".Dl egw topics -c egw.cfg\n"
        ".Pp\n"
        "Complete egw's words in this shell:\n"
        ".Pp\n"
        ".Dl source <(egw completion bash)\n"
        ".Sh SEE ALSO\n"
        ".Xr systemd.unit 5");
}

static int run(struct egw_args *args)
{
    (void)args;
    put_front();
    put_commands();
    put_settings();
    put_back();
    return EGW_EXIT_OK;
}

const struct egw_command egw_cmd_manual = {
    .name = "manual",
    .summary = "print the manual page",
    .about = "Prints egw(1) in mdoc form, written from the program's own tables. To read it: "
             "egw manual | man -l -",
    .exits = "0 printed",
    .no_settings = true,
    .run = run,
};
