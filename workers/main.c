#include <stdlib.h>
#include <sys/random.h>

#include "cli.h"
#include "commands.h"
#include "egw/hash.h"

/* In the order a newcomer meets them; --help, manual and completion list them so. */
const struct egw_command *const egw_commands[] = {
    &egw_cmd_demo,    &egw_cmd_check,     &egw_cmd_init,    &egw_cmd_triage,     &egw_cmd_publish,
    &egw_cmd_explain, &egw_cmd_outcomes,  &egw_cmd_handoff, &egw_cmd_dead,       &egw_cmd_reference,
    &egw_cmd_policy,  &egw_cmd_catalogue, &egw_cmd_schema,  &egw_cmd_audit,      &egw_cmd_verify,
    &egw_cmd_replay,  &egw_cmd_topics,    &egw_cmd_manual,  &egw_cmd_completion, NULL,
};

/* Tables hash keys that strangers choose. Without entropy the seed stays what it is: slower under
 * attack, never wrong. */
static void seed_tables(void)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed))
        egw_table_seed(seed);
}

int main(int argc, char **argv)
{
    seed_tables();
    return egw_main(argc, argv);
}
