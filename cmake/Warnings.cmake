# egw_warnings: the warnings every target of ours is built with. They become errors in CI only,
# so that a newer compiler never breaks a user's build.
add_library(egw_warnings INTERFACE)
target_compile_options(egw_warnings INTERFACE
    -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wimplicit-fallthrough
    -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla -Wpointer-arith -Wundef
    -Wwrite-strings -Werror=format-security)
if(EGW_WERROR)
    target_compile_options(egw_warnings INTERFACE -Werror)
endif()
