# SPDX-License-Identifier: Apache-2.0
#
# hookd: the library is everything but main(); the hook client stands alone, in C.
noinst_LIBRARIES += hookd/libhookd.a
hookd_libhookd_a_SOURCES = \
	hookd/await.h \
	hookd/agent-silence.cc \
	hookd/agent-silence.h \
	hookd/balancer-check.cc \
	hookd/balancer-check.h \
	hookd/balancer-director.cc \
	hookd/balancer-director.h \
	hookd/balancer-mac.cc \
	hookd/balancer-mac.h \
	hookd/balancer-options.cc \
	hookd/balancer-options.h \
	hookd/balancer-read.cc \
	hookd/balancer-read.h \
	hookd/balancer-trace.cc \
	hookd/balancer-trace.h \
	hookd/balancer-way.cc \
	hookd/balancer-way.h \
	hookd/balancer.cc \
	hookd/balancer.h \
	hookd/chain-change.cc \
	hookd/chain-change.h \
	hookd/chain-meet.cc \
	hookd/chain-meet.h \
	hookd/chain-over.cc \
	hookd/chain-over.h \
	hookd/chain-rollout.cc \
	hookd/chain-rollout.h \
	hookd/chain-way.cc \
	hookd/chain-way.h \
	hookd/chain.cc \
	hookd/chain.h \
	hookd/classifier.cc \
	hookd/classifier.h \
	hookd/commands-balancer-routes.cc \
	hookd/commands-balancer-trace.cc \
	hookd/commands-balancer.cc \
	hookd/commands-chain.cc \
	hookd/commands-node.cc \
	hookd/commands-recovery-here.cc \
	hookd/commands-recovery-run.cc \
	hookd/commands-recovery-steps.cc \
	hookd/commands-recovery.cc \
	hookd/commands-quota.cc \
	hookd/commands-service.cc \
	hookd/commands-trace.cc \
	hookd/commands-user.cc \
	hookd/commands-vm.cc \
	hookd/commands.cc \
	hookd/commands.h \
	hookd/daemon.cc \
	hookd/daemon.h \
	hookd/disk-size.cc \
	hookd/disk-size.h \
	hookd/director-routes.cc \
	hookd/director-routes.h \
	hookd/domain-control.cc \
	hookd/domain-control.h \
	hookd/domain-makeup.cc \
	hookd/domain-makeup.h \
	hookd/domain-xml.cc \
	hookd/domain-xml.h \
	hookd/drain.cc \
	hookd/drain.h \
	hookd/drainer.cc \
	hookd/drainer.h \
	hookd/echo.cc \
	hookd/echo.h \
	hookd/environments.cc \
	hookd/environments.h \
	hookd/feature-file.cc \
	hookd/feature-file.h \
	hookd/fleet-join.cc \
	hookd/fleet-leave.cc \
	hookd/fleet-leave.h \
	hookd/fleet-link.cc \
	hookd/fleet-link.h \
	hookd/fleet-note.h \
	hookd/fleet-note.cc \
	hookd/fleet-sync.cc \
	hookd/fleet-sync.h \
	hookd/health.cc \
	hookd/health.h \
	hookd/user-rules.cc \
	hookd/user-rules.h \
	hookd/user-server.cc \
	hookd/user-server.h \
	hookd/hook-server.cc \
	hookd/hook-server.h \
	hookd/index.h \
	hookd/job.cc \
	hookd/job.h \
	hookd/lease-guard.h \
	hookd/lease-note.cc \
	hookd/lease-note.h \
	hookd/ledger.cc \
	hookd/ledger.h \
	hookd/libvirt-handle.h \
	hookd/libvirt-loop.cc \
	hookd/libvirt-loop.h \
	hookd/libvirt-watch.cc \
	hookd/libvirt-watch.h \
	hookd/life-watch.cc \
	hookd/life-watch.h \
	hookd/load-samples.cc \
	hookd/load-samples.h \
	hookd/cap-watch.cc \
	hookd/cap-watch.h \
	hookd/caps.cc \
	hookd/caps.h \
	hookd/load-watch.cc \
	hookd/load-watch.h \
	hookd/load.cc \
	hookd/load.h \
	hookd/migrate.cc \
	hookd/migrate.h \
	hookd/move-machine.cc \
	hookd/move-machine.h \
	hookd/move-signal.cc \
	hookd/mover-actions.cc \
	hookd/mover.cc \
	hookd/mover.h \
	hookd/mtu-look.cc \
	hookd/mtu.cc \
	hookd/mtu.h \
	hookd/name.cc \
	hookd/name.h \
	hookd/path.cc \
	hookd/path.h \
	hookd/probe-plan.cc \
	hookd/probe-plan.h \
	hookd/probe-space.cc \
	hookd/probe-space.h \
	hookd/prober.cc \
	hookd/prober.h \
	hookd/qemu-ring.cc \
	hookd/qemu-ring.h \
	hookd/qemu-tap.cc \
	hookd/records.cc \
	hookd/records.h \
	hookd/recovery-follow.cc \
	hookd/recovery-follow.h \
	hookd/recovery-orders.cc \
	hookd/recovery-orders.h \
	hookd/recovery-watch.cc \
	hookd/recovery-watch.h \
	hookd/resource-watch.cc \
	hookd/resource-watch.h \
	hookd/service-move.cc \
	hookd/service-move.h \
	hookd/service-mover.cc \
	hookd/service-mover.h \
	hookd/service-read.cc \
	hookd/service-read.h \
	hookd/service-receiver.cc \
	hookd/service-rules.cc \
	hookd/service-rules.h \
	hookd/share-rules.cc \
	hookd/share-rules.h \
	hookd/silence.cc \
	hookd/silence.h \
	hookd/service-system.cc \
	hookd/service-system.h \
	hookd/services.cc \
	hookd/services.h \
	hookd/specifications.cc \
	hookd/specifications.h \
	hookd/switch-link.cc \
	hookd/switch-link.h \
	hookd/tool.cc \
	hookd/tool.h \
	hookd/trace-walk.cc \
	hookd/trace-walk.h \
	hookd/trace.cc \
	hookd/trace.h \
	hookd/service-place.cc \
	hookd/service-place.h \
	hookd/tunnel-port.cc \
	hookd/tunnel-port.h \
	hookd/vm-failures.cc \
	hookd/vm-failures.h \
	hookd/world.cc \
	hookd/world.h
hookd_libhookd_a_CPPFLAGS = $(AM_CPPFLAGS) $(SPDLOG_CFLAGS) $(LIBVIRT_CFLAGS)

check_PROGRAMS += hookd/tests/hookd-test
TESTS += hookd/tests/hookd-test
hookd_tests_hookd_test_SOURCES = \
	hookd/tests/agent-silence-test.cc \
	hookd/tests/balancer-builtin-test.cc \
	hookd/tests/balancer-test.cc \
	hookd/tests/balancer-trace-test.cc \
	hookd/tests/balancer-way-test.cc \
	hookd/tests/chain-change-test.cc \
	hookd/tests/chain-meet-test.cc \
	hookd/tests/chain-over-test.cc \
	hookd/tests/chain-walk.h \
	hookd/tests/chain-test.cc \
	hookd/tests/classifier-test.cc \
	hookd/tests/director-routes-test.cc \
	hookd/tests/drain-test.cc \
	hookd/tests/echo-test.cc \
	hookd/tests/fleet-leave-test.cc \
	hookd/tests/fleet-sync-test.cc \
	hookd/tests/health-test.cc \
	hookd/tests/lease-note-test.cc \
	hookd/tests/ledger-test.cc \
	hookd/tests/load-test.cc \
	hookd/tests/main.cc \
	hookd/tests/move-machine-test.cc \
	hookd/tests/mover-test.cc \
	hookd/tests/mtu-test.cc \
	hookd/tests/probe-plan-test.cc \
	hookd/tests/qemu-ring-test.cc \
	hookd/tests/qemu-tap-test.cc \
	hookd/tests/records-test.cc \
	hookd/tests/recovery-follow-test.cc \
	hookd/tests/recovery-orders-test.cc \
	hookd/tests/service-move-test.cc \
	hookd/tests/service-place-test.cc \
	hookd/tests/service-test.cc \
	hookd/tests/caps-test.cc \
	hookd/tests/share-rules-test.cc \
	hookd/tests/silence-test.cc \
	hookd/tests/specification-test.cc \
	hookd/tests/trace-test.cc \
	hookd/tests/tunnel-port-test.cc \
	hookd/tests/user-rules-test.cc \
	hookd/tests/vm-failures-test.cc
hookd_tests_hookd_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS) $(LIBVIRT_CFLAGS)
hookd_tests_hookd_test_LDADD = hookd/libhookd.a env/libenv.a recovery/librecovery.a service/libservice.a db/libfleet.a db/libdb.a common/libcommon.a \
	common/libflowmatch.a $(OVS_LIBS) $(CPPUTEST_LIBS) $(SQLITE_LIBS) $(SPDLOG_LIBS) \
	$(LIBVIRT_LIBS)

# What libvirt runs; linked to as /etc/libvirt/hooks/qemu.d/holdfast.
pkglibexec_PROGRAMS += hookd/holdfast-hook
hookd_holdfast_hook_SOURCES = hookd/hook-client.c

# The daemon.
sbin_PROGRAMS += hookd/holdfast-hookd
hookd_holdfast_hookd_SOURCES = hookd/hookd.cc
hookd_holdfast_hookd_CPPFLAGS = $(AM_CPPFLAGS) $(SPDLOG_CFLAGS) $(LIBVIRT_CFLAGS)
hookd_holdfast_hookd_LDADD = hookd/libhookd.a env/libenv.a recovery/librecovery.a service/libservice.a db/libfleet.a db/libdb.a \
	common/libcommon.a common/libflowmatch.a $(OVS_LIBS) $(SQLITE_LIBS) $(SPDLOG_LIBS) \
	$(LIBVIRT_LIBS)

# The fleet's schema goes into the program.
BUILT_SOURCES += hookd/fleet-schema.inc
CLEANFILES += hookd/fleet-schema.inc
hookd/fleet-schema.inc: db/fleet.ovsschema
	$(AM_V_GEN)$(MKDIR_P) hookd && \
	{ echo 'R"SCHEMA('; cat $<; echo ')SCHEMA"'; } > $@.tmp && mv $@.tmp $@

# The table of software and features, too.
BUILT_SOURCES += hookd/features.inc
CLEANFILES += hookd/features.inc
hookd/features.inc: recovery/features.conf
	$(AM_V_GEN)$(MKDIR_P) hookd && \
	{ echo 'R"FEATURES('; cat $<; echo ')FEATURES"'; } > $@.tmp && mv $@.tmp $@
hookd/libhookd_a-feature-file.$(OBJEXT): hookd/features.inc

dist_man_MANS += hookd/holdfast-hookd.8
EXTRA_DIST += hookd/holdfast.conf hookd/holdfast-hookd.service.in

# The configuration is the operator's once it is there.
systemunitdir = $(prefix)/lib/systemd/system
nodist_systemunit_DATA = hookd/holdfast-hookd.service
CLEANFILES += hookd/holdfast-hookd.service
hookd/holdfast-hookd.service: hookd/holdfast-hookd.service.in
	$(AM_V_GEN)$(MKDIR_P) hookd && sed 's,[@]sbindir[@],$(sbindir),' $< > $@.tmp && mv $@.tmp $@

install-data-local:
	$(MKDIR_P) $(DESTDIR)$(sysconfdir)/holdfast
	test -e $(DESTDIR)$(sysconfdir)/holdfast/holdfast.conf || \
		$(INSTALL_DATA) $(srcdir)/hookd/holdfast.conf $(DESTDIR)$(sysconfdir)/holdfast

# libvirt runs every program in this folder.
install-exec-hook:
	$(MKDIR_P) $(DESTDIR)$(sysconfdir)/libvirt/hooks/qemu.d
	ln -sf $(pkglibexecdir)/holdfast-hook $(DESTDIR)$(sysconfdir)/libvirt/hooks/qemu.d/holdfast
uninstall-hook:
	rm -f $(DESTDIR)$(sysconfdir)/libvirt/hooks/qemu.d/holdfast
