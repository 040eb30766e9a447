#include "egw/runtime.h"
