# SPDX-License-Identifier: Apache-2.0
#
# The daemon that has lost VMs replaced; its decisions are in recovery/.
sbin_PROGRAMS += recoveryd/holdfast-recoveryd
recoveryd_holdfast_recoveryd_SOURCES = recoveryd/recoveryd.cc recoveryd/daemon.h recoveryd/daemon.cc
recoveryd_holdfast_recoveryd_CPPFLAGS = $(AM_CPPFLAGS) $(SPDLOG_CFLAGS)
recoveryd_holdfast_recoveryd_LDADD = recovery/librecovery.a db/libfleet.a db/libdb.a \
	common/libcommon.a $(OVS_LIBS) $(SQLITE_LIBS) $(SPDLOG_LIBS)

dist_man_MANS += recoveryd/holdfast-recoveryd.8
EXTRA_DIST += recoveryd/holdfast-recoveryd.service.in

nodist_systemunit_DATA += recoveryd/holdfast-recoveryd.service
CLEANFILES += recoveryd/holdfast-recoveryd.service
recoveryd/holdfast-recoveryd.service: recoveryd/holdfast-recoveryd.service.in
	$(AM_V_GEN)$(MKDIR_P) recoveryd && sed 's,[@]sbindir[@],$(sbindir),' $< > $@.tmp && mv $@.tmp $@
