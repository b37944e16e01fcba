#include "cli/run.h"

int main(int argc, char** argv) { return tunefarm::cli::Run(argc, argv); }
