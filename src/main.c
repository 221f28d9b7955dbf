// main.c - the program `spacetime`: hands over to the command line.

#include "cli/cli.h"

int main(int argc, char **argv) {
    return cli_run(argc, argv);
}
