# egw_hardening: the flags of the OpenSSF compiler guide that the compiler at hand knows.
# Sanitizer builds leave them out: fortified calls hide what the sanitizers would see.
include(CheckCCompilerFlag)
add_library(egw_hardening INTERFACE)
if(NOT EGW_SANITIZE AND NOT EGW_COVERAGE AND CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(egw_hardening INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
        -fno-delete-null-pointer-checks -fno-strict-overflow -fPIE)
    foreach(flag -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
                 -fstrict-flex-arrays=3)
        string(MAKE_C_IDENTIFIER "EGW_HAVE${flag}" known)
        check_c_compiler_flag(${flag} ${known})
        if(${known})
            target_compile_options(egw_hardening INTERFACE ${flag})
        endif()
    endforeach()
    target_link_options(egw_hardening INTERFACE
        -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,nodlopen,--as-needed)
endif()
