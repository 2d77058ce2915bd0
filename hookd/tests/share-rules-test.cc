// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/share-rules: spec Q6, Q7.
#include <config.h>

#include "hookd/share-rules.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

TEST_GROUP(ShareRules)
{
    std::vector<db::Quota> quotas = two();
    db::Lease row{"schedd", "hv1", 3, 7, 11, "hv4", 100, 200, ""};

    static std::vector<db::Quota> two()
    {
        db::Quota ann;
        ann.name = "ann";
        ann.share = {{"hv1", 30'000}, {"hv2", 30'000}};
        ann.borrowed = {"hv4"};
        db::Quota root;
        root.name = "root";
        root.administrator = true;
        return {ann, root};
    }

    std::string why_not(const std::string& user, Owner owner, const std::string& node)
    {
        const auto may = may_use(quotas, user, owner, node);
        return may ? "" : may.error().message;
    }
};

TEST(ShareRules, Q6WorkRunsWithinItsUsersShareAndOnWhatIsLentToHim)
{
    for (const char* node : {"hv1", "hv2", "hv4"})
        CHECK_EQUAL(std::string(), why_not("ann", Owner::named, node));
    CHECK_EQUAL(std::string("hv3 is outside of the share of user ann (hv1, hv2, hv4): use one of "
                            "these, or see 'holdfast quota request'"),
                why_not("ann", Owner::named, "hv3"));
    CHECK_FALSE(why_not("ann", Owner::account, "hv3").empty());
}

TEST(ShareRules, Q6AdministratorsWorkAndNobodysRunAnywhere)
{
    CHECK_EQUAL(std::string(), why_not("root", Owner::named, "hv3"));
    CHECK_EQUAL(std::string(), why_not("", Owner::named, "hv3"));
}

TEST(ShareRules, Q6OwnerOfAVmHasAShareAndTheAccountOfAServiceNeedHaveNone)
{
    CHECK_EQUAL(std::string("user bob has no share: give one by 'holdfast quota request'"),
                why_not("bob", Owner::named, "hv1"));
    CHECK_EQUAL(std::string(), why_not("nobody", Owner::account, "hv1"));
    quotas[0].share.clear();
    quotas[0].borrowed.clear();
    STRCMP_CONTAINS("(no hypervisor)", why_not("ann", Owner::account, "hv1").c_str());
}

TEST(ShareRules, WhereNobodyDecidesIsSaid)
{
    std::vector<db::Hypervisor> hypervisors(2);
    CHECK_EQUAL(std::string(), undecided(hypervisors, nullptr));
    hypervisors[1].capacity = 1;
    STRCMP_CONTAINS("no holdfast-schedd leads", undecided(hypervisors, nullptr).c_str());
    CHECK_EQUAL(std::string(), undecided(hypervisors, &row));
    row.holder.clear();
    CHECK_FALSE(undecided(hypervisors, &row).empty());
}

TEST(ShareRules, Q7StepRestsOnHolderTermAndWhatItChanges)
{
    db::LeaseStep decision{row, row};
    ++decision.to.decided;
    CHECK_TRUE(rests_on(decision, &row));
    db::Lease now = row;
    ++now.beat; // A beat between does no harm,
    CHECK_TRUE(rests_on(decision, &now));
    CHECK_EQUAL(8, stepped(decision, &now).beat); // nor is it undone.
    CHECK_EQUAL(12, stepped(decision, &now).decided);
    ++now.decided; // Another decision does.
    CHECK_FALSE(rests_on(decision, &now));
    now = row;
    ++now.term;
    CHECK_FALSE(rests_on(decision, &now));
    now = row;
    now.holder = "hv2";
    CHECK_FALSE(rests_on(decision, &now));
    CHECK_FALSE(rests_on(decision, nullptr));
}

TEST(ShareRules, Q7FirstStepRestsOnThatThereIsNoRow)
{
    db::Lease none;
    none.name = "schedd";
    const db::LeaseStep first{none, row};
    CHECK_TRUE(rests_on(first, nullptr));
    CHECK_FALSE(rests_on(first, &row));
    CHECK_TRUE(stepped(first, nullptr) == row);
}

TEST(ShareRules, Q10OrderOfAnOldTermIsRefusedAndOneOfANewerThatIsNotKnownYetIsNot)
{
    CHECK_TRUE(bool(may_order(row.term, &row)));
    CHECK_TRUE(bool(may_order(row.term + 1, &row)));
    CHECK_TRUE(bool(may_order(1, nullptr)));
    const auto refused = may_order(row.term - 1, &row);
    CHECK_TRUE(refused.error().code == Errc::outdated);
    STRCMP_CONTAINS(("it is term " + std::to_string(row.term)).c_str(),
                    refused.error().message.c_str());
}
