// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/compile/reserved_words.hpp"

#include <string>

namespace skep::app {

namespace {

constexpr std::string_view kLanguages =
    " and_eq char8_t char16_t char32_t co_await co_return co_yield const_cast dynamic_cast not_eq "
    " or_eq reinterpret_cast static_assert static_cast thread_local wchar_t xor_eq ";

constexpr std::string_view kTypes =
    " clock_t clockid_t dev_t div_t errno_t gid_t id_t ino_t int16_t int32_t int64_t int8_t "
    " int_fast16_t int_fast32_t int_fast64_t int_fast8_t int_least16_t int_least32_t int_least64_t "
    " int_least8_t intmax_t intptr_t key_t ldiv_t lldiv_t locale_t loff_t max_align_t mode_t mqd_t "
    " nlink_t nullptr_t off_t pid_t ptrdiff_t quad_t sem_t sig_atomic_t size_t ssize_t time_t "
    " timer_t u_char u_int u_long u_quad_t u_short uid_t uint16_t uint32_t uint64_t uint8_t "
    " uint_fast16_t uint_fast32_t uint_fast64_t uint_fast8_t uint_least16_t uint_least32_t "
    " uint_least64_t uint_least8_t uintmax_t uintptr_t va_arg va_copy va_end va_list va_start "
    " wint_t ";

// Of skep_runtime.h, of what all headers share, and of the code before it has names.
constexpr std::string_view kOurs =
    " SKEP_COMPILED SKEP_PROGRAM_MAPS SKEP_RUNTIME_H skep_bindings skep_call_back skep_entry "
    " skep_helper skep_layout skep_map skep_map_erase skep_map_field skep_map_free "
    " skep_map_lookup skep_map_make skep_map_next_key skep_map_put_map skep_map_put_program "
    " skep_map_shape skep_map_take skep_map_update skep_map_values skep_memory skep_program "
    " skep_ring_read skep_routine skep_run skep_run_alone skep_run_program skep_run_skb "
    " skep_run_xdp skep_set_trace skep_skb skep_skb_of skep_xdp ";

// Of C, POSIX and Linux.
constexpr std::string_view kLibrary =
    " aio_cancel aio_cancel64 aio_error aio_error64 aio_fsync aio_fsync64 aio_init aio_read "
    " aio_read64 aio_return aio_return64 aio_suspend aio_suspend64 aio_write aio_write64 "
    " aligned_alloc arc4random_buf arc4random_uniform arch_prctl argp_err_exit_status argp_error "
    " argp_failure argp_help argp_parse argp_program_bug_address argp_program_version "
    " argp_program_version_hook argp_state_help argp_usage argz_add argz_add_sep argz_append "
    " argz_count argz_create argz_create_sep argz_delete argz_extract argz_insert argz_next "
    " argz_replace argz_stringify asctime_r backtrace_symbols backtrace_symbols_fd "
    " bind_textdomain_codeset bsd_signal call_once canonicalize_file_name clearerr_unlocked "
    " clock_adjtime clock_getcpuclockid clock_getres clock_gettime clock_nanosleep clock_settime "
    " close_range cnd_broadcast cnd_destroy cnd_init cnd_signal cnd_timedwait cnd_wait "
    " copy_file_range ctime_r delete_module dl_iterate_phdr drand48_r ecvt_r envz_add envz_entry "
    " envz_get envz_merge envz_remove envz_strip epoll_create epoll_create1 epoll_ctl epoll_pwait "
    " epoll_pwait2 epoll_wait erand48_r error_at_line error_message_count error_one_per_line "
    " error_print_progname ether_aton ether_aton_r ether_hostton ether_line ether_ntoa "
    " ether_ntoa_r ether_ntohost eventfd_read eventfd_write explicit_bzero fanotify_init "
    " fanotify_mark fcvt_r feof_unlocked ferror_unlocked fflush_unlocked fgetc_unlocked "
    " fgetgrent_r fgetpwent_r fgets_unlocked fgetsgent_r fgetspent_r fgetwc_unlocked "
    " fgetws_unlocked fileno_unlocked fputc_unlocked fputs_unlocked fputwc_unlocked "
    " fputws_unlocked fread_unlocked fts64_children fts64_close fts64_open fts64_read fts64_set "
    " fts_children fts_close fts_open fts_read fts_set fwrite_unlocked gai_cancel gai_error "
    " gai_strerror gai_suspend get_avphys_pages get_current_dir_name get_nprocs get_nprocs_conf "
    " get_phys_pages getaddrinfo_a getaliasbyname_r getaliasent_r getc_unlocked getchar_unlocked "
    " getdate_err getdate_r getgrent_r getgrgid_r getgrnam_r gethostbyaddr_r gethostbyname2_r "
    " gethostbyname_r gethostent_r getlogin_r getmntent_r getnetbyaddr_r getnetbyname_r "
    " getnetent_r getnetgrent_r getopt_long getopt_long_only getprotobyname_r getprotobynumber_r "
    " getprotoent_r getpwent_r getpwnam_r getpwuid_r getrpcbyname_r getrpcbynumber_r getrpcent_r "
    " getservbyname_r getservbyport_r getservent_r getsgent_r getsgnam_r getspent_r getspnam_r "
    " getutent_r getutid_r getutline_r getwc_unlocked getwchar_unlocked glob_pattern_p gmtime_r "
    " gnu_dev_major gnu_dev_makedev gnu_dev_minor gnu_get_libc_release gnu_get_libc_version "
    " group_member hcreate_r hdestroy_r hsearch_r iconv_close iconv_open if_freenameindex "
    " if_indextoname if_nameindex if_nametoindex in6addr_any in6addr_loopback inet6_opt_append "
    " inet6_opt_find inet6_opt_finish inet6_opt_get_val inet6_opt_init inet6_opt_next "
    " inet6_opt_set_val inet6_option_alloc inet6_option_append inet6_option_find inet6_option_init "
    " inet6_option_next inet6_option_space inet6_rth_add inet6_rth_getaddr inet6_rth_init "
    " inet6_rth_reverse inet6_rth_segments inet6_rth_space inet_addr inet_aton inet_lnaof "
    " inet_makeaddr inet_netof inet_network inet_nsap_addr inet_nsap_ntoa inet_ntoa inet_ntop "
    " inet_pton init_module initstate_r inotify_add_watch inotify_init inotify_init1 "
    " inotify_rm_watch isalnum_l isalpha_l isblank_l iscntrl_l isdigit_l isgraph_l islower_l "
    " isprint_l ispunct_l isspace_l isupper_l iswalnum_l iswalpha_l iswblank_l iswcntrl_l "
    " iswctype_l iswdigit_l iswgraph_l iswlower_l iswprint_l iswpunct_l iswspace_l iswupper_l "
    " iswxdigit_l isxdigit_l jrand48_r lcong48_r lio_listio lio_listio64 localtime_r login_tty "
    " lrand48_r malloc_info malloc_stats malloc_trim malloc_usable_size memfd_create modify_ldt "
    " mount_setattr move_mount mq_close mq_getattr mq_notify mq_open mq_receive mq_send mq_setattr "
    " mq_timedreceive mq_timedsend mq_unlink mrand48_r mtx_destroy mtx_init mtx_lock mtx_timedlock "
    " mtx_trylock mtx_unlock name_to_handle_at nl_langinfo nl_langinfo_l nrand48_r ntp_adjtime "
    " ntp_gettime ntp_gettimex on_exit open_by_handle_at open_memstream open_tree open_wmemstream "
    " parse_printf_format pidfd_getfd pidfd_open pidfd_send_signal pivot_root pkey_alloc pkey_free "
    " pkey_get pkey_mprotect pkey_set printf_size printf_size_info process_madvise "
    " process_mrelease process_vm_readv process_vm_writev program_invocation_name "
    " program_invocation_short_name ptsname_r putc_unlocked putchar_unlocked putwc_unlocked "
    " putwchar_unlocked qecvt_r qfcvt_r qsort_r quick_exit rand_r random_r re_comp "
    " re_compile_fastmap re_compile_pattern re_exec re_match re_match_2 re_max_failures re_search "
    " re_search_2 re_set_registers re_set_syntax re_syntax_options readdir64_r readdir_r "
    " register_printf_function register_printf_modifier register_printf_specifier "
    " register_printf_type remap_file_pages sched_get_priority_max sched_get_priority_min "
    " sched_getaffinity sched_getcpu sched_getparam sched_getscheduler sched_rr_get_interval "
    " sched_setaffinity sched_setparam sched_setscheduler sched_yield secure_getenv seed48_r "
    " sem_clockwait sem_close sem_destroy sem_getvalue sem_init sem_open sem_post sem_timedwait "
    " sem_trywait sem_unlink sem_wait setstate_r sgetsgent_r sgetspent_r shm_open shm_unlink "
    " sigabbrev_np sigdescr_np srand48_r srandom_r strcasecmp_l strcoll_l strerror_l strerror_r "
    " strerrordesc_np strerrorname_np strfmon_l strftime_l strncasecmp_l strptime_l strtod_l "
    " strtof128_l strtof32_l strtof32x_l strtof64_l strtof64x_l strtof_l strtok_r strtol_l "
    " strtold_l strtoll_l strtoul_l strtoull_l strxfrm_l sync_file_range sysv_signal thrd_create "
    " thrd_current thrd_detach thrd_equal thrd_exit thrd_join thrd_sleep thrd_yield timer_create "
    " timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime "
    " timerfd_settime timespec_get timespec_getres tmpnam_r tolower_l toupper_l towctrans_l "
    " towlower_l towupper_l tss_create tss_delete tss_get tss_set ttyname_r twalk_r wcscasecmp_l "
    " wcscoll_l wcsftime_l wcsncasecmp_l wcstod_l wcstof128_l wcstof32_l wcstof32x_l wcstof64_l "
    " wcstof64x_l wcstof_l wcstol_l wcstold_l wcstoll_l wcstoul_l wcstoull_l wcsxfrm_l wctrans_l "
    " wctype_l ";

// Of POSIX alone.
constexpr std::string_view kThreads =
    " posix_fadvise posix_fadvise64 posix_fallocate posix_fallocate64 posix_madvise "
    " posix_memalign posix_openpt posix_spawn posix_spawn_file_actions_addchdir_np "
    " posix_spawn_file_actions_addclose posix_spawn_file_actions_addclosefrom_np "
    " posix_spawn_file_actions_adddup2 posix_spawn_file_actions_addfchdir_np "
    " posix_spawn_file_actions_addopen posix_spawn_file_actions_addtcsetpgrp_np "
    " posix_spawn_file_actions_destroy posix_spawn_file_actions_init posix_spawnattr_destroy "
    " posix_spawnattr_getflags posix_spawnattr_getpgroup posix_spawnattr_getschedparam "
    " posix_spawnattr_getschedpolicy posix_spawnattr_getsigdefault posix_spawnattr_getsigmask "
    " posix_spawnattr_init posix_spawnattr_setflags posix_spawnattr_setpgroup "
    " posix_spawnattr_setschedparam posix_spawnattr_setschedpolicy "
    " posix_spawnattr_setsigdefault posix_spawnattr_setsigmask posix_spawnp pthread_atfork "
    " pthread_attr_destroy pthread_attr_getaffinity_np pthread_attr_getdetachstate "
    " pthread_attr_getguardsize pthread_attr_getinheritsched pthread_attr_getschedparam "
    " pthread_attr_getschedpolicy pthread_attr_getscope pthread_attr_getsigmask_np "
    " pthread_attr_getstack pthread_attr_getstackaddr pthread_attr_getstacksize "
    " pthread_attr_init pthread_attr_setaffinity_np pthread_attr_setdetachstate "
    " pthread_attr_setguardsize pthread_attr_setinheritsched pthread_attr_setschedparam "
    " pthread_attr_setschedpolicy pthread_attr_setscope pthread_attr_setsigmask_np "
    " pthread_attr_setstack pthread_attr_setstackaddr pthread_attr_setstacksize pthread_attr_t "
    " pthread_barrier_destroy pthread_barrier_init pthread_barrier_t pthread_barrier_wait "
    " pthread_barrierattr_destroy pthread_barrierattr_getpshared pthread_barrierattr_init "
    " pthread_barrierattr_setpshared pthread_cancel pthread_clockjoin_np "
    " pthread_cond_broadcast pthread_cond_clockwait pthread_cond_destroy pthread_cond_init "
    " pthread_cond_signal pthread_cond_t pthread_cond_timedwait pthread_cond_wait "
    " pthread_condattr_destroy pthread_condattr_getclock pthread_condattr_getpshared "
    " pthread_condattr_init pthread_condattr_setclock pthread_condattr_setpshared "
    " pthread_create pthread_detach pthread_equal pthread_exit pthread_getaffinity_np "
    " pthread_getattr_default_np pthread_getattr_np pthread_getconcurrency "
    " pthread_getcpuclockid pthread_getname_np pthread_getschedparam pthread_getspecific "
    " pthread_join pthread_key_create pthread_key_delete pthread_key_t pthread_kill "
    " pthread_kill_other_threads_np pthread_mutex_clocklock pthread_mutex_consistent "
    " pthread_mutex_consistent_np pthread_mutex_destroy pthread_mutex_getprioceiling "
    " pthread_mutex_init pthread_mutex_lock pthread_mutex_setprioceiling pthread_mutex_t "
    " pthread_mutex_timedlock pthread_mutex_trylock pthread_mutex_unlock "
    " pthread_mutexattr_destroy pthread_mutexattr_getkind_np pthread_mutexattr_getprioceiling "
    " pthread_mutexattr_getprotocol pthread_mutexattr_getpshared pthread_mutexattr_getrobust "
    " pthread_mutexattr_getrobust_np pthread_mutexattr_gettype pthread_mutexattr_init "
    " pthread_mutexattr_setkind_np pthread_mutexattr_setprioceiling "
    " pthread_mutexattr_setprotocol pthread_mutexattr_setpshared pthread_mutexattr_setrobust "
    " pthread_mutexattr_setrobust_np pthread_mutexattr_settype pthread_once pthread_once_t "
    " pthread_rwlock_clockrdlock pthread_rwlock_clockwrlock pthread_rwlock_destroy "
    " pthread_rwlock_init pthread_rwlock_rdlock pthread_rwlock_t pthread_rwlock_timedrdlock "
    " pthread_rwlock_timedwrlock pthread_rwlock_tryrdlock pthread_rwlock_trywrlock "
    " pthread_rwlock_unlock pthread_rwlock_wrlock pthread_rwlockattr_destroy "
    " pthread_rwlockattr_getkind_np pthread_rwlockattr_getpshared pthread_rwlockattr_init "
    " pthread_rwlockattr_setkind_np pthread_rwlockattr_setpshared pthread_self "
    " pthread_setaffinity_np pthread_setattr_default_np pthread_setcancelstate "
    " pthread_setcanceltype pthread_setconcurrency pthread_setname_np pthread_setschedparam "
    " pthread_setschedprio pthread_setspecific pthread_sigmask pthread_sigqueue "
    " pthread_spin_destroy pthread_spin_init pthread_spin_lock pthread_spin_trylock "
    " pthread_spin_unlock pthread_spinlock_t pthread_t pthread_testcancel pthread_timedjoin_np "
    " pthread_tryjoin_np pthread_yield ";

bool stands_in(std::string_view text, const std::string& between_spaces) {
    return text.find(between_spaces) != std::string_view::npos;
}

} // namespace

bool is_reserved_word(std::string_view word) {
    const std::string between_spaces = " " + std::string(word) + " ";
    return stands_in(kLanguages, between_spaces) || stands_in(kTypes, between_spaces) ||
           stands_in(kOurs, between_spaces) || stands_in(kLibrary, between_spaces) ||
           stands_in(kThreads, between_spaces);
}

} // namespace skep::app
