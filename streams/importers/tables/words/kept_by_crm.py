"""The columns that a CRM keeps up to date by itself, or that tell how a lead ended: an export has
them as they are today, and a list of last month could not know them.

They are no fields of a lead unless a mapping names them. Compared with: Pipedrive's field names
(English and German exports), HubSpot's default properties, Salesforce's and Dynamics' opportunity
columns, the label files of Odoo's and SuiteCRM's CRM modules.
"""

from __future__ import annotations

import re

from streams.importers.tables.words.header_names import header_key, without_entity

_NAMES = """
won_time won_date date_won lost_time lost_date date_lost closed_time closed_date date_closed
close_date close_time closing_date closed_on closed_at actual_close_date expected_close_date
expected_closing estimated_close_date est_close_date days_to_close day_close days_to_convert
days_to_assign day_open day_to_close won lost is_won is_closed closed closed_won is_closed_won
is_converted converted converted_date conversion_date conversion_time converted_time
lead_conversion_time converted_at date_converted converted_account converted_contact converted_deal
converted_opportunity converted_account_id converted_contact_id converted_opportunity_id lost_reason
loss_reason closed_lost_reason closed_won_reason reason_lost reason_for_loss reason_won
lead_status_reason status_reason disqualification_reason probability win_probability
deal_probability forecast_category forecast_amount forecast forecast_category_name weighted_value
weighted_amount currency_of_weighted_value weighted_revenue prorated_revenue actual_revenue
actual_value stage status phase deal_stage lead_status lead_stage lifecycle_stage sales_stage
pipeline_stage pipeline_phase opportunity_stage stage_name contact_status deal_status
opportunity_status last_stage_change stage_change_time last_stage_update date_last_stage_update
stage_duration overall_sales_duration sales_cycle_duration age_in_days last_activity
last_activity_date last_activity_time last_activity_type last_contacted last_contact_date
last_contacted_date last_engagement_date last_touch last_call last_call_date last_viewed_date
last_referenced_date last_seen last_modified last_modified_date last_modified_by last_modified_time
last_modified_at last_updated last_updated_on last_update updated updated_at updated_on update_time
updated_time modified modified_on modified_at modified_time modified_date date_modified modified_by
modified_by_name systemmodstamp last_transfer_date last_email_received last_email_sent
last_email_opened last_email_replied last_marketing_email_open_date last_marketing_email_click_date
last_marketing_email_send_date last_stage_change_date row_checksum next_activity next_activity_date
next_activity_deadline next_activity_summary next_step next_activity_type next_action
next_action_date next_step_date next_step_due_date follow_up_date number_of_times_contacted
times_contacted number_of_sales_activities total_activities done_activities activities_to_do
activity_count activities_count email_messages_count number_of_associated_deals num_associated_deals
associated_deals associated_deal_ids associated_deal number_of_notes marketing_emails_opened
marketing_emails_clicked marketing_emails_replied marketing_emails_delivered
marketing_emails_bounced first_deal_created_date recent_deal_close_date recent_deal_amount
total_revenue became_a_customer_date became_an_opportunity_date became_a_sales_qualified_lead_date
became_a_marketing_qualified_lead_date time_to_close archive_time archive_status
notes_last_contacted notes_last_updated notes_next_activity_date num_contacted_notes num_notes
lastmodifieddate lifecyclestage dealstage closedate hubspotscore hubspot_score ownership_change_time
last_assigned_date datum_des_gewonnenen_deals datum_des_verlorenen_deals deal_abgeschlossen_am
abgeschlossen_am abschlussdatum abschlusstermin schlusstermin schlussdatum gewonnen_am verloren_am
erwartetes_abschlussdatum voraussichtliches_abschlussdatum erwarteter_abschluss
geschaetztes_abschlussdatum tatsaechliches_abschlussdatum konvertiert konvertierungsdatum datum_ende
tage_bis_beendigung tage_bis_abschluss verlustgrund grund_fuer_verlust grund_des_verlusts
statusgrund wahrscheinlichkeit gewichteter_wert prognosekategorie verkaufsphase leadstatus stufe
umgewandelt umgewandelte_firma umgewandelter_kontakt umgewandelte_verkaufschance lifecycle_phase
letzte_phasenaenderung letzte_aktivitaet datum_der_letzten_aktivitaet letzter_kontakt
letzte_aenderung letzte_e_mail_erhalten letzte_e_mail_gesendet geaendert_am geaendert_von
aenderungsdatum zuletzt_geaendert zuletzt_geaendert_am zuletzt_aktualisiert zuletzt_aktualisiert_am
zuletzt_kontaktiert zeit_der_aktualisierung aktualisiert_am zuletzt_geaendert_von
datum_der_letzten_aenderung naechste_aktivitaet datum_naechste_aktivitaet
datum_der_naechsten_aktivitaet naechster_schritt naechste_aktion gesamtzahl_der_aktivitaeten
erledigte_aktivitaeten zu_erledigende_aktivitaeten anzahl_e_mail_nachrichten archivierungszeit
system_modstamp
"""
_KEPT = frozenset(_NAMES.split())
_KINDS = re.compile(
    r"hs_(last|latest|time_in|date_(entered|exited)|v2_|lifecyclestage_|lead_status|predictive|"
    r"email_(last|first|open|click|deliver|bounce|repl|sends)|sales_email_|num_|is_closed|"
    r"is_contacted|closed_|forecast|deal_stage|manual_forecast|projected|next_|time_to|updated|"
    r"was_|analytics_(num|last|revenue|average)).*|"
    r"(date|time|cumulative_time|latest_time)_(entered|exited|in)_.*(stage|phase|pipeline|lead|"
    r"opportunity|customer|subscriber).*|do_not_modify_(row_checksum|modified_on)|"
    r"nicht_aendern_(zeilenpruefsumme|geaendert_am)|(days|tage)_(in|since)_.*(stage|phase|"
    r"activity|contact).*"
)


def is_kept_by_crm(column: str) -> bool:
    """Whether a column of this name holds what became known later.

    >>> is_kept_by_crm("Deal - Lost time"), is_kept_by_crm("Lead Source")
    (True, False)
    """
    key = header_key(column)
    return any(
        each in _KEPT or _KINDS.fullmatch(each) is not None for each in (key, without_entity(key))
    )
