/* egw completion bash: a completion script, written from the tables of commands and settings. */
#include <stdio.h>

#include "commands.h"

/* "text|json" as words. Tables hold no character the shell would act on. */
static void put_choices(const char *choices)
{
    for (; *choices; choices++)
        (void)fputc(*choices == '|' ? ' ' : *choices, stdout);
}

static bool is_file(const struct egw_option *option)
{
    return option->argument &&
           (strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "DIR") == 0 ||
            strcmp(option->argument, "FOLDER") == 0);
}

/* A case of `case $command:$previous`: what may follow the option. */
static void put_value_case(const char *command, const struct egw_option *option)
{
    if (!option->argument && !option->choices)
        return;
    (void)printf("    %s:--%s", command, option->name);
    if (option->letter)
        (void)printf("|%s:-%c", command, option->letter);
    (void)fputs(") ", stdout);
    if (option->choices) {
        (void)fputs("words=\"", stdout);
        put_choices(option->choices);
        (void)fputs("\" ;;\n", stdout);
    } else {
        (void)puts(is_file(option) ? "files=yes ;;" : "words= ;;");
    }
}

static void put_option_words(const struct egw_option *options)
{
    for (; options && options->name; options++) {
        (void)printf(" --%s", options->name);
        if (options->letter)
            (void)printf(" -%c", options->letter);
    }
}

/* First words of operands in lower case are verbs: "put FILE | get KEY | list". */
static void put_verbs(const char *operands)
{
    bool fresh = true;

    for (const char *at = operands; at && *at; at++) {
        size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz-");

        if (fresh && n > 0 && (at[n] == ' ' || at[n] == '|' || !at[n])) {
            (void)printf(" %.*s", (int)n, at);
            at += n - 1;
            fresh = false;
        } else if (*at == '|') {
            fresh = true;
        } else if (*at != ' ') {
            fresh = false;
        }
    }
}

static bool takes_files(const char *operands)
{
    return operands &&
           (strstr(operands, "FILE") || strstr(operands, "DIR") || strstr(operands, "FOLDER"));
}

static void put_command(const struct egw_command *command)
{
    (void)printf("    %s) options=\"", command->name);
    put_option_words(command->options);
    put_option_words(egw_common_options + (command->no_settings ? 2 : 0));
    (void)fputs("\" words=\"", stdout);
    put_verbs(command->operands);
    (void)printf("\" %s;;\n", takes_files(command->operands) ? "files=yes " : "");
}

static void put_keys(void)
{
    for (size_t i = 0; i < egw_settings_count(); i++)
        (void)printf(" %s=", egw_settings_view(i).key);
}

static void put_bash(void)
{
    (void)puts("# bash completion of egw; load it with: source <(egw completion bash)\n"
               "_egw() {\n"
               "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
               "  local command=${COMP_WORDS[1]} words= options= files=\n"
               "  COMPREPLY=()");
    (void)fputs("  if ((COMP_CWORD == 1)); then\n    words=\"--help --version", stdout);
    for (size_t i = 0; egw_commands[i]; i++)
        (void)printf(" %s", egw_commands[i]->name);
    (void)puts("\"\n  else\n    case $command:$previous in\n"
               "    *:--config|*:-c) files=yes ;;");
    (void)fputs("    *:--set|*:-s) words=\"", stdout);
    put_keys();
    (void)puts("\"; compopt -o nospace ;;");
    for (size_t i = 0; egw_commands[i]; i++)
        for (const struct egw_option *o = egw_commands[i]->options; o && o->name; o++)
            put_value_case(egw_commands[i]->name, o);
    (void)puts("    *)\n    case $command in");
    for (size_t i = 0; egw_commands[i]; i++)
        put_command(egw_commands[i]);
    (void)puts("    esac ;;\n    esac\n  fi\n"
               "  if [[ $word == -* || -z $words$files ]]; then words+=$options; fi\n"
               "  [[ -n $words ]] && mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
               "  [[ -n $files ]] && compopt -o filenames &&\n"
               "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$word\")\n"
               "  return 0\n"
               "}\n"
               "complete -F _egw egw");
}

static int run(struct egw_args *args)
{
    if (args->operand_count != 1)
        return egw_usage(args, "one shell is needed: bash");
    if (strcmp(args->operands[0], "bash") != 0)
        return egw_usage(args, "the shell must be bash, not \"%.80s\"", args->operands[0]);
    put_bash();
    return EGW_EXIT_OK;
}

const struct egw_command egw_cmd_completion = {
    .name = "completion",
    .operands = "bash",
    .summary = "print a script that completes egw's words in a shell",
    .about = "Prints a completion script for bash: commands, their options and choices, and the "
             "keys of settings. Load it with: source <(egw completion bash)",
    .exits = "0 printed",
    .no_settings = true,
    .run = run,
};
